"""What stops a command before it starts: a sentence for people, exit code 2."""


class Refused(Exception):
    """Something on this machine has to change first; the text says what and where."""
