"""Python's tracebacks: ``File "f", line n, in fn``, innermost last."""

from typing import Final

from pipeline.process.stacks.frame import Frame, cached, clean_function, is_library, number

MARK: Final = '", line '
_HEADER: Final = "Traceback (most recent call last)"
_MEMBER: Final = "+---------------- "
_INDENT: Final = 80  # exception groups indent by two columns a level
_MOST: Final = 200


def parse(text: str) -> list[Frame]:
    """Return the frames of the raised exception, innermost first; none if it is not Python."""
    return _frames(_raised(text)) if MARK in text else []


def headline(text: str) -> tuple[str, str]:
    """Return type and message of the raised exception, from the lines behind its frames."""
    block = _raised(text)
    kept: list[str] = []
    for line in block[max(block.rfind(MARK), 0) :].split("\n")[1:]:
        bare = _without_bars(line)
        if (kept or bare[:1].strip()) and line.strip(" +-|"):
            kept.append(bare)
    type_, _, message = "\n".join(kept).strip().partition(": ")
    return type_, message


def _raised(text: str) -> str:
    """Return the block of the exception that was raised: the last of a chain.

    For an exception group it is the group's own, or a member's if all members are alike.
    """
    if _MEMBER not in text:
        return _last(text)
    own, *members = (_last(part) for part in text.split(_MEMBER))
    calls = [_calls(_frames(member)) for member in members]
    if calls and calls[0] and all(found == calls[0] for found in calls):
        return members[0]
    return own


def _last(text: str) -> str:
    """Return a chain's last traceback."""
    return text[max(text.rfind(_HEADER), 0) :]


def _without_bars(line: str) -> str:
    """Return a line without the bars that exception groups draw before it."""
    bar = line.rfind("| ", 0, _INDENT)
    return line[bar + 2 :] if bar >= 0 and not line[:bar].strip(" |") else line


def _calls(frames: list[Frame]) -> list[str]:
    """Return the functions called."""
    return [frame.function for frame in frames]


def _frames(block: str) -> list[Frame]:
    """Read frames from the end of a block, each found by its literal parts."""
    frames: list[Frame] = []
    end = len(block)
    while len(frames) < _MOST:
        found = block.rfind('File "', 0, end)
        if found < 0:
            return frames
        start = block.rfind("\n", 0, found) + 1
        stop = block.find("\n", found, end)
        frame = _frame(block[start : end if stop < 0 else stop])
        if frame is not None:
            frames.append(frame)
        end = start
    return frames


@cached
def _frame(line: str) -> Frame | None:
    """Return the frame of one line, or None if the words stand in source code or a message."""
    start = line.find('File "')
    quote = line.find(MARK, start)
    name = line.find(", in ", quote)
    if quote < 0 or name < 0 or line[:start].strip(" |\t"):
        return None
    path = line[start + 6 : quote]
    function = clean_function(line[name + 5 :].strip())
    return Frame(function, path, number(line[quote + 8 : name]), not is_library(path))
