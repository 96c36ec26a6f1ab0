"""Finds where the statement of an INSERT ends and its data begin. Pure."""

import re
from typing import NamedTuple

_INSERT = re.compile(r"\s*INSERT\s+INTO\b", re.IGNORECASE)
_FORMAT = re.compile(
    r"""(?P<statement>\s*INSERT\s+INTO\s+(?:'(?:[^'\\]|\\.)*'|`[^`]*`|[^'`])*?)
    \s+FORMAT\s+(?P<format>\w+)[^\S\n]*(?:\n|;|$)""",
    re.IGNORECASE | re.VERBOSE,
)
HEAD = 65_536


class Insert(NamedTuple):
    """A statement without its FORMAT clause, the format, and where the data begin."""

    statement: str
    format: str
    data_at: int


def split(head: bytes) -> Insert | None:
    """Return the INSERT that a query or a body begins with; None if its data stand elsewhere.

    ``INSERT … VALUES`` and ``INSERT … SELECT`` are ordinary statements: None as well.
    """
    text = head[:HEAD].decode("utf-8", errors="surrogateescape")
    if not _INSERT.match(text):
        return None
    match = _FORMAT.match(text)
    if match is None or match["format"].upper() == "VALUES":
        return None
    end = len(text[: match.end()].encode("utf-8", errors="surrogateescape"))
    return Insert(match["statement"].strip(), match["format"], end)
