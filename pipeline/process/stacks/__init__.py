"""Stacks of every language as frames; the text itself tells the language."""

from typing import Any, Final, NamedTuple, Protocol

from pipeline.process.stacks import (
    csharp,
    go,
    java,
    javascript,
    native,
    php,
    python,
    ruby,
    rust,
    swift,
)
from pipeline.process.stacks.frame import Frame
from pipeline.process.stacks.structured import frames_of, render

MAX_TEXT: Final = 64 * 1024


class Language(Protocol):
    """A module that reads the stacks of a language."""

    def parse(self, text: str, /) -> list[Frame]:
        """Return the frames, innermost first; none if the text is another language's."""

    def headline(self, text: str, /) -> tuple[str, str]:
        """Return the raised exception's type and message."""


class Stack(NamedTuple):
    """Frames innermost first, the text to show, and what the text says was raised."""

    frames: tuple[Frame, ...] = ()
    text: str = ""
    headline: tuple[str, str] = ("", "")


# In this order: each refuses what is not its own at a glance.
LANGUAGES: tuple[Language, ...] = (
    python,
    go,
    java,
    rust,
    php,
    native,
    swift,
    ruby,
    csharp,
    javascript,
)
NONE: Final = Stack()


def parse(text: str) -> Stack:
    """Return the stack in a text; without frames if no language knows it."""
    # A deep Python stack cut at its end would lose the frames that matter.
    kept = text[-MAX_TEXT:] if python.MARK in text[-4096:] else text[:MAX_TEXT]
    for language in LANGUAGES:
        frames = language.parse(kept)
        if frames:
            return Stack(tuple(frames), kept, language.headline(kept))
    return Stack((), kept)


def read(value: Any, platform: str) -> Stack:
    """Return the stack in a ``stacktrace``: a text, ``{text}``, ``{frames}`` or a list."""
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            return parse(value["text"])
        value = value.get("frames")
    frames = frames_of(value, platform)
    return Stack(tuple(frames), render(frames)[:MAX_TEXT]) if frames else NONE


__all__ = ["LANGUAGES", "MAX_TEXT", "NONE", "Frame", "Stack", "parse", "read"]
