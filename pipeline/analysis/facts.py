"""What a language's reader says of one file: the nouns that the rules decide on."""

from enum import StrEnum

import msgspec


class Ending(StrEnum):
    """How a handler ends, on its last line."""

    FALLS = "falls"
    """It goes on behind the try."""
    CONTINUES = "continues"
    """It begins the next turn of the loop."""
    LEAVES = "leaves"
    """It leaves the loop, or a function that returns nothing anyway."""
    NOTHING = "nothing"
    """It returns None, null or a nil error where others get a value or an error."""
    ANSWERS = "answers"
    """It returns a value."""
    RETHROWS = "rethrows"
    """It raises the error it caught."""
    RAISES = "raises"
    """It raises another error, or ends the process."""


class Loop(StrEnum):
    """What a handler stands in, within its function."""

    NONE = "none"
    PLAIN = "plain"
    RETRY = "retry"
    """The same operation again, until it succeeds."""


class Handler(msgspec.Struct, frozen=True, kw_only=True):
    """One place that catches errors.

    ``broad``: it catches everything. ``failure``: what it catches is a failure, not an answer such
    as a missing key. ``bare``: it does nothing but end. ``logs``: at warning or above. ``used``:
    the error goes on to somebody else.
    """

    line: int
    function: str
    caught: tuple[str, ...]
    broad: bool
    failure: bool
    bare: bool = False
    logs: bool = False
    used: bool = False
    ending: Ending = Ending.FALLS
    loop: Loop = Loop.NONE
    waits: bool = False


class Facts(msgspec.Struct):
    """Everything that is counted in one file; lines are 1-based, in the order of the text."""

    path: str
    language: str
    lines: int = 0
    test: bool = False
    trouble: str = ""
    """Where the text could not be parsed, if the rest could."""
    tries: int = 0
    error_checks: int = 0
    generic: int = 0
    handlers: list[Handler] = []
    floating: list[tuple[int, str]] = []
    """Lines and functions of promises and tasks that nobody waits for."""
    errors: list[str] = []
    reports: list[int] = []
    prints: int = 0
    levels: set[str] = set()
    first_log: int = 0
    structured: bool = False
    frameworks: set[str] = set()
    initialised: set[str] = set()
    ignores: dict[int, frozenset[str]] = {}
    """Rules that a comment switches off, by line; an empty set stands for all."""


class Unparsable(Exception):
    """Nothing can be said of a file, and why; the report lists it as skipped."""
