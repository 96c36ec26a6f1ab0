"""Go: pairs of lines, the call ``pkg.(*T).m(args)`` and its file, innermost first."""

import re

from pipeline.process.stacks.frame import (
    Frame,
    clean_function,
    is_library,
    lines_from,
    number,
    without,
)

# The standard library wherever it was installed, and modules of a build with -trimpath.
_LIBRARY = re.compile(r"/go[-\w.]{0,20}/(?:[\d.]{1,12}/)?(?:x64/|libexec/)?src/(?!\w+\.\w)|@v\d")
_CLOSURE = re.compile(r"(\.func\d{1,6}|\.\d{1,6}){1,40}$")


def parse(text: str) -> list[Frame]:
    """Return the frames of the first goroutine, innermost first; none if it is not Go."""
    if ".go:" not in text:
        return []
    frames: list[Frame] = []
    called = ""
    in_goroutine = False
    reported = "panic: " not in text
    for line in lines_from(text, _start(text)):
        if line.startswith("created by "):
            break
        if line.startswith("goroutine "):
            if in_goroutine:
                break
            frames, called, in_goroutine = [], "", True  # before it may stand the runtime's stack
        elif line[:1] in "\t " and called and ".go:" in line:
            if reported and called.startswith("panic("):
                frames.clear()  # who recovers and reports is not who failed
            frames.append(_frame(called, line.strip()))
            called = ""
        else:
            called = line.strip()
            if called.endswith(")") and "(" not in called:
                called = ""  # the end of a call whose head was cut off
    return frames


def headline(text: str) -> tuple[str, str]:
    """Return type and message: Go prints no type of a panic."""
    head = text.split("\ngoroutine ", 1)[0].split("\n[signal ", 1)[0]
    for kind in ("panic: ", "fatal error: "):
        at = head.rfind(kind)  # a panic on the way of another is the one that was raised
        if at >= 0:
            message = head[at + len(kind) :].split("\n\n", 1)[0].strip()
            return kind[:-2], message.removesuffix(" [recovered]")
    first = head.strip().split("\n", 1)[0]
    cut = first.endswith(")") and "(" not in first
    return "", "" if cut or first.startswith("goroutine ") else first


def _is_library(path: str) -> bool:
    """Tell by the path whether code belongs to the standard library or to another module."""
    return is_library(path) or _LIBRARY.search(path) is not None


def _start(text: str) -> int:
    """Return where the first goroutine begins, or without one the first call."""
    if text.startswith("goroutine "):
        return 0
    found = text.find("\ngoroutine ")
    return found + 1 if found >= 0 else max(text.rfind("\n", 0, text.find(".go:")), 0)


def _frame(called: str, place: str) -> Frame:
    """Return the frame of a pair."""
    path, _, rest = place.rpartition(".go:")
    digits = rest.partition(" ")[0]
    name = without(called[: called.rfind("(")] if called.endswith(")") else called, "[", "]")
    name = name[name.rfind("/") + 1 :]
    plain = _CLOSURE.sub(".func", name)
    ours = not plain.startswith(("runtime.", "panic", "testing.")) and not _is_library(path)
    return Frame(clean_function(plain), path + ".go", number(digits), ours)
