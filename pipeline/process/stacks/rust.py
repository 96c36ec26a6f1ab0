"""Rust: pairs of lines, ``n: path::fn`` and ``at file:l:c``, innermost first.

A compiler's manglings print one function in different ways, and a full backtrace adds addresses
and hashes: names are compared without them and without type arguments.
"""

import re
from typing import Final

from pipeline.process.stacks.frame import Frame, clean_function, lines_from, number, without

_HEADER = re.compile(r"^stack backtrace:", re.MULTILINE | re.IGNORECASE)
_CALL = r"^ {0,8}(\d{1,5}): {1,30}(?:0x[0-9a-f]{1,16} - )?"
_FRAME = re.compile(_CALL + r"(\S.{0,2000})")
_START = re.compile(_CALL + r"[<&]{0,3}[\w\[\]]{1,100}::", re.MULTILINE)
_PLACE = re.compile(r"\s{1,60}at (.{1,500}?):(\d{1,9})(?::\d{1,9})?\s{0,4}$")
_PANIC = re.compile(r"^(?:thread .{0,200} )?panicked at ", re.MULTILINE)
_QUOTED = re.compile(r"'(.{0,8000})', (?:\S{1,500}):\d{1,9}(?::\d{1,9})?$", re.DOTALL)
_END = re.compile(r"^(?:stack backtrace:|note: )", re.MULTILINE)
_HASHES = re.compile(r"\[[0-9a-f]{16}\]|::h[0-9a-f]{16}$|#\d{1,6}")
_LANGUAGE: Final = ("core::", "std::", "alloc::", "rust_begin_unwind", "__rust", "test::")
_LIBRARY_PATHS: Final = (
    *("/rustc/", ".cargo/registry", ".cargo/git", ".rustup/toolchains", ".cargo\\registry"),
    *("library/core/src/", "library/std/src/", "library/alloc/src/", "/csu/"),
)


def parse(text: str) -> list[Frame]:
    """Return the frames of the first backtrace, innermost first; none if it is not Rust."""
    if ".rs:" not in text and "ack backtrace:" not in text:
        return []
    header = _HEADER.search(text)
    start = _START.search(text, header.end() if header else 0)
    frames: list[Frame] = []
    called = ""
    last = -1
    for line in lines_from(text, start.start()) if start else ():
        found = _FRAME.match(line)
        place = None if found else _PLACE.match(line)
        if place is not None and called:
            frames.append(_frame(called, place[1], number(place[2])))
            called = ""
        elif found is not None:
            if called:
                frames.append(_frame(called, "", 0))
            called = ""
            if int(found[1]) <= last:
                break  # the next panic's
            called, last = found[2], int(found[1])
    return [*frames, _frame(called, "", 0)] if called else frames


def headline(text: str) -> tuple[str, str]:
    """Return type and message: a panic has no type, and its message moved behind the place."""
    panic = _PANIC.search(text)
    if panic is None:
        start = _START.search(text)
        if start is not None and (start[1] != "0" or not start.start()):
            return "", ""  # the head was cut off
        type_, _, message = text.strip().partition("\n")[0].partition(": ")
        return type_, message
    rest = _END.split(text[panic.end() : panic.end() + 10_000], maxsplit=1)[0].strip()
    quoted = _QUOTED.match(rest)
    return "panic", (quoted[1] if quoted else rest.partition("\n")[2]).strip()


def clean(raw: str) -> str:
    """Return a function's name without hashes and type arguments, whose trait stays."""
    name = _HASHES.sub("", raw[:1000].partition(" with ")[0].strip())
    name = name.replace("->", "").replace("{{", "{").replace("}}", "}")
    if not name.startswith("<"):
        return _plain(name)
    depth = 0
    for at, char in enumerate(name):
        depth += (char == "<") - (char == ">")
        if not depth:
            inner, rest = without(name[1:at], "<", ">"), name[at + 1 :]
            type_, as_, trait = inner.partition(" as ")
            owner = clean_function(type_.lstrip("&"))
            if as_:
                owner = f"<{owner} as {clean_function(trait)}>"
            return owner + _plain(rest)
    return _plain(name)


def is_ours(function: str, path: str) -> bool:
    """Tell code of an application from that of the language and of registries' crates."""
    if path and any(mark in path for mark in _LIBRARY_PATHS):
        return False
    if not path and ("::" not in function or function.startswith("<")):
        return "::" in function and not function[1:].startswith(_LANGUAGE)
    return not function.startswith(_LANGUAGE)


def _plain(name: str) -> str:
    """Return a path of names without type arguments."""
    name = without(name, "<", ">").replace("::::", "::")
    leading = name[:2] if name.startswith("::") else ""
    return leading + clean_function(name.strip(":"))


def _frame(called: str, path: str, line: int) -> Frame:
    """Return the frame of a pair."""
    function = clean(called)
    return Frame(function, path, line, is_ours(function, path))
