"""``build.gradle`` and ``build.gradle.kts``: the coordinates in their ``dependencies`` blocks.

Both are programs. Their tokens are read as such, so that comments and other blocks do not count;
a coordinate that the program computes is not seen.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

_QUOTES: Final = ('"""', "'''", '"', "'")


class Token(NamedTuple):
    """A word, a text in quotes, or one sign."""

    kind: str
    text: str


def coordinates(text: str) -> Iterator[str]:
    """Yield ``group:name`` of each dependency that is written out."""
    depth = 0
    inside: list[int] = []
    before: list[Token] = []
    for token in tokens(text):
        if token == ("sign", "{"):
            depth += 1
            if before[-1:] == [Token("word", "dependencies")]:
                inside.append(depth)
        elif token == ("sign", "}"):
            if inside[-1:] == [depth]:
                inside.pop()
            depth -= 1
        elif inside and token.kind == "text":
            yield from _coordinate(token.text, before)
        before = [*before[-5:], token]


def _coordinate(text: str, before: list[Token]) -> Iterator[str]:
    """Yield a text as a coordinate, or join ``group: "a", name: "b"``."""
    group, colon, rest = text.partition(":")
    if colon and group and rest:
        yield f"{group}:{rest.partition(':')[0]}"
    elif [token.text for token in before[-2:]] in (["name", ":"], ["name", "="]):
        match before[-6:]:
            case [Token(text="group"), Token(), Token(kind="text", text=first), *_]:
                yield f"{first}:{text}"


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a program, comments left out."""
    at = 0
    while at < len(text):
        if text.startswith("//", at):
            at = _behind(text, "\n", at)
        elif text.startswith("/*", at):
            at = _behind(text, "*/", at)
        elif quote := next((sign for sign in _QUOTES if text.startswith(sign, at)), ""):
            start = at + len(quote)
            at = _closed(text, quote, start)
            yield Token("text", text[start : at - len(quote)])
        elif text[at].isidentifier():
            start = at
            while at < len(text) and (text[at].isalnum() or text[at] == "_"):
                at += 1
            yield Token("word", text[start:at])
        else:
            if not text[at].isspace():
                yield Token("sign", text[at])
            at += 1


def _behind(text: str, sign: str, at: int) -> int:
    """Return the place behind the next sign, or the end."""
    found = text.find(sign, at)
    return len(text) if found < 0 else found + len(sign)


def _closed(text: str, quote: str, at: int) -> int:
    """Return the place behind the closing quote; a backslash guards the sign behind it."""
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" else 1
    return min(at, len(text)) + len(quote)
