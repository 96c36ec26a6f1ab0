"""The 300 planted cases and 200 harmless strings of this folder's two lists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tests.scrub.corpus import PLACES

_HERE = Path(__file__).parent
_MARKED = re.compile("⟦(.*?)⟧")
_WHOLE = "event: "


class Case(NamedTuple):
    """A line with what must not be readable, and whether the rules were tuned on it."""

    line: str
    secrets: tuple[str, ...]
    tuned: bool

    def events(self) -> Iterator[tuple[str, bytes]]:
        """Yield the event of the line, or one for each position of its text, as JSON."""
        if self.line.startswith(_WHOLE):
            yield "whole", self.line.removeprefix(_WHOLE).encode()
            return
        for name, place in PLACES.items():
            yield name, orjson.dumps(place(self.line))


def planted() -> list[Case]:
    """Return the cases; every third is held back."""
    return [
        Case(_MARKED.sub(r"\1", line), tuple(_MARKED.findall(line)), n % 3 != 2)
        for n, line in enumerate(_lines("planted.txt"))
    ]


def harmless() -> list[tuple[str, bool]]:
    """Return the strings; seven of twenty are held back."""
    return [(line, n % 20 < 13) for n, line in enumerate(_lines("harmless.txt"))]


def _lines(name: str) -> list[str]:
    """Return the lines of a list; ``␤`` is a line end, and a text may spell a letter in hex."""
    found = []
    for line in (_HERE / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            text = line.replace("␤", "\n")
            if not line.startswith(_WHOLE):
                text = re.sub(r"\\u00([0-9a-f]{2})", lambda hit: chr(int(hit[1], 16)), text)
            found.append(text)
    return found


def strings(value: Any) -> Iterator[str]:
    """Yield every string of a structure, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)
