"""JavaScript: V8's ``at fn (f:l:c)`` and ``at f:l:c``, Firefox' and Safari's ``fn@f:l:c``.

Engines name the same function differently (``Router.dispatch``, ``dispatch``, ``dispatch/<``), so
only the last part of a name counts.
"""

import re
from typing import Final

from pipeline.process.stacks.frame import Frame, cached, clean_function, is_library, lines_from

_START = re.compile(r"[ \t\n]at |^at |@")
_OTHER: Final = ("caused by:", "[cause]:", "Caused by:")
_PREFIXES: Final = ("async ", "new ", "async*", "get ", "set ")
_NAMELESS: Final = ("global code", "module code", "eval code", "anonymous", "eval")


def parse(text: str) -> list[Frame]:
    """Return the frames of the raised error, innermost first; none if it is not JavaScript."""
    frames: list[Frame] = []
    start = _START.search(text)
    for raw in lines_from(text, start.start()) if start else ():
        line = raw.strip()
        frame = _frame(line)
        if frame is not None:
            frames.append(frame)
        elif frames and line.startswith(_OTHER):
            break
    return frames


def headline(text: str) -> tuple[str, str]:
    """Return type and message from the lines above the frames."""
    head = text.split("\n    at ", 1)[0].strip()
    if _firefox(head.split("\n", 1)[0]) is not None:
        return "", ""  # Firefox and Safari begin with the first call
    type_, _, message = head.removeprefix("Uncaught ").partition(": ")
    return type_, message


def clean(raw: str) -> str:
    """Return the last part of a function's name, the same for every engine."""
    name = raw.strip()
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    name = name.partition(" [as ")[0].removesuffix("<")
    if name in _NAMELESS:
        return ""
    return clean_function(name[max(name.rfind("."), name.rfind("/")) + 1 :])


@cached
def _frame(line: str) -> Frame | None:
    """Return the frame of one line of any engine."""
    return _v8(line[3:]) if line.startswith("at ") else _firefox(line)


def _v8(call: str) -> Frame | None:
    """Return the frame of a line of Node, Chrome or Deno."""
    opened = call.find(" (")
    if opened < 0:
        path, line = _place(call.removeprefix("async "))
        return Frame("", path, line, not is_library(path)) if line else None
    place = call[opened + 2 :].removesuffix(")")
    if place.startswith("eval at "):
        place = place[place.rfind("(") + 1 :].partition(")")[0]
    path, line = _place(place)
    if not line and place != "<anonymous>" and not place.startswith(("index ", "native", "wasm")):
        return None
    return Frame(clean(call[:opened]), path, line, bool(line) and not is_library(path))


def _firefox(line: str) -> Frame | None:
    """Return the frame of a line of Firefox or Safari."""
    called, sign, place = line.partition("@")
    if not sign or (" " in called and called not in _NAMELESS):
        return None
    path, number = _place(place)
    if not number and not place.startswith("[native code]"):
        return None
    return Frame(clean(called), path, number, bool(number) and not is_library(path))


def _place(place: str) -> tuple[str, int]:
    """Split ``file:line:column``; line 0 means that it is none."""
    parts = place.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal() and len(parts[1]) < 9:
        return parts[0].removeprefix("async "), int(parts[1]) or 1
    return place, 0
