"""JavaScript: V8's ``at fn (f:l:c)`` and ``at f:l:c``, Firefox' and Safari's ``fn@f:l:c``.

Engines name the same function differently (``Router.dispatch``, ``dispatch``, ``dispatch/<``), so
only the last part of a name counts.
"""

import re
from typing import Final

from pipeline.process.stacks.frame import Frame, cached, clean_function, is_library, lines_from

_START = re.compile(r"[ \t\n]at |^at |@")
_OTHER: Final = ("caused by:", "[cause]:", "Caused by:", "[errors]:")
_PREFIXES: Final = ("async ", "new ", "get ", "set ", "static ")
_NAMELESS: Final = ("global code", "module code", "eval code", "anonymous", "eval")
# Why Firefox shows a call that returned long ago: the other engines do not know of it.
_ASYNC = re.compile(
    r"(?:async|(?:setTimeout|setInterval) handler|promise callback|requestAnimationFrame handler"
    r"|EventListener\.handleEvent|EventHandlerNonNull|MessageEvent|FrameRequestCallback)\*"
)
_BROWSER: Final = ("http://", "https://", "blob:", "webpack")
_EVALUATED = re.compile(r" line \d{1,9} > (?:eval|Function|scriptElement)\b.{0,200}")
_WASM = re.compile(r"wasm-function\[([^\[\]]{0,300})\]")


def parse(text: str) -> list[Frame]:
    """Return the frames of the raised error, innermost first; none if it is not JavaScript."""
    frames: list[Frame] = []
    start = _START.search(text)
    late = False
    for raw in lines_from(text, start.start()) if start else ():
        line = raw.strip()
        frame = _frame(line)
        if frame is not None:
            late = late or _is_late(line, frame)
            frames.append(frame._replace(in_app=False) if late else frame)
        elif frames and line.startswith(_OTHER):
            break
    return frames


def headline(text: str) -> tuple[str, str]:
    """Return type and message from the lines above the frames."""
    head = text.split("\n    at ", 1)[0].strip()
    first = head.split("\n", 1)[0]
    if _firefox(first) or first in _NAMELESS or _place(first.removesuffix(")"))[1]:
        return "", ""  # Firefox and Safari begin with the first call, or the head was cut off
    head = head.removeprefix("Uncaught ").removeprefix("(in promise) ")
    type_, _, message = head.partition(": ")
    return type_, message


def clean(raw: str) -> str:
    """Return the last part of a function's name, the same for every engine."""
    name = _ASYNC.sub("", raw.strip()).partition(" [as ")[0].removesuffix("<")
    name = _bare(name)
    if name in _NAMELESS:
        return ""
    return clean_function(_bare(name[max(name.rfind("."), name.rfind("/")) + 1 :]))


def _bare(name: str) -> str:
    """Return a name without the words before it that tell how it is called."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _is_late(line: str, frame: Frame) -> bool:
    """Tell the first call of a browser that had returned before; only some engines show those."""
    marked = line.removeprefix("at ").startswith("async ") or _ASYNC.match(line) is not None
    return marked and frame.path.startswith(_BROWSER)


@cached
def _frame(line: str) -> Frame | None:
    """Return the frame of one line of any engine."""
    return _v8(line[3:]) if line.startswith("at ") else _firefox(line)


def _v8(call: str) -> Frame | None:
    """Return the frame of a line of Node, Chrome or Deno."""
    opened = call.find(" (")
    if opened < 0:
        path, line = _place(call.removeprefix("async "))
        if _WASM.search(call):
            return Frame("", "wasm", 0, in_app=True)
        return Frame("", path, line, not is_library(path)) if line else None
    place = call[opened + 2 :].removesuffix(")")
    name = clean(call[:opened])
    if _WASM.search(place):
        return Frame(name, "wasm", 0, in_app=True)
    ours = True
    if place.startswith("eval at "):
        place = place[place.rfind("(") + 1 :].partition(")")[0]
        ours = bool(name)
    path, line = _place(place.removeprefix("address at "))
    if not line and place != "<anonymous>" and not place.startswith(("index ", "native")):
        return None
    return Frame(name, path, line, ours and bool(line) and not is_library(path))


def _firefox(line: str) -> Frame | None:
    """Return the frame of a line of Firefox or Safari."""
    called, sign, place = line.partition("@")
    if not sign or (" " in _bare(_ASYNC.sub("", called)) and called not in _NAMELESS):
        return None
    wasm = _WASM.search(line)
    if wasm is not None:
        named = wasm[1] if wasm.start() < len(called) else called
        return Frame(clean(named), "wasm", 0, in_app=True)
    path, number = _place(place)
    if not number and not place.startswith("[native code]"):
        return None
    name = clean(called)
    evaluated = _EVALUATED.search(path)
    ours = bool(number) and not is_library(path) and (evaluated is None or bool(name))
    return Frame(name, path[: evaluated.start()] if evaluated else path, number, ours)


def _place(place: str) -> tuple[str, int]:
    """Split ``file:line:column``; line 0 means that it is none."""
    parts = place.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal() and len(parts[1]) < 9:
        return parts[0].removeprefix("async "), int(parts[1]) or 1
    return place, 0
