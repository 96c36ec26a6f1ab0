"""A frame of a stack: the function and the file that stay the same from release to release."""

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

KEPT: Final = 8  # frames in a key
MOST_LINES: Final = 200  # read of a stack, from its innermost end
_MOST: Final = 200_000  # entries of a cache, which is cleared when it is full
_MOST_FRAMES: Final = 20_000  # of a language
_CACHED: Final = 300  # letters of a line that is worth remembering


class Frame(NamedTuple):
    """One call: a cleaned function name, the path and line as they were, whether it is ours."""

    function: str
    path: str
    line: int
    in_app: bool


_NOISE = re.compile(
    r"0x[0-9a-fA-F]{1,16}"  # addresses
    r"|<[^<>]{0,200}>"  # <module>, <anonymous>, <lambda>
    r"|\[as [^\[\]]{0,100}\]"  # V8's aliases
    r"|::h[0-9a-f]{16}"  # Rust's hashes
    r"|\$\$Lambda[^.]{0,100}|\$\$[A-Za-z]{1,40}\$\$[0-9a-f]{1,16}"  # generated classes
    r"|\$\$[A-Za-z]{1,60}CGLIB\$\$|_\$\$_[A-Za-z0-9_]{1,60}"
    r"|\$anonfun\$?|\d+"
)
_LAMBDA = re.compile(r"lambda\$(\w{1,100}?)\$")
# What a build or a release puts into a file's name.
_HASH = re.compile(
    r"[.\-_](?=[0-9a-f]{0,39}[0-9])[0-9a-f]{6,40}(?=\.[a-z])"
    r"|[.\-_](?:(?=[0-9A-Za-z_]{0,39}[0-9][0-9A-Za-z_]{0,39}[0-9])[0-9A-Za-z_]{8,40}"
    r"|(?=[\w-]{0,7}[0-9]|[\w-]{1,7}[A-Z])[\w-]{8})(?=(?:\.[a-z]{1,9}){0,2}\.[cm]?[jt]sx?$)"
    r"|^(?=[0-9a-f]{0,63}[0-9])[0-9a-f]{16,64}(?=\.[a-z])"  # a compiled template
    r"|^\d{1,12}(?=\.[a-z]{1,9}$)"  # a notebook's cell
    r"|^\d{1,9}(?=[.-][^/]{0,60}js$)"  # a chunk without a name
    r"|_\$\$_\w{1,60}"  # javassist's classes
    r"|(?<=\.so)(?:\.\d{1,9}){1,4}$"
)
_LIBRARY: Final = (
    "/site-packages/",
    "/dist-packages/",
    "/lib/python3",
    "<frozen",
    "node_modules",
    "/usr/local/go/",
    "/pkg/mod/",
    "<anonymous>",
    "[native code]",
    "-extension://",
    "site-packages\\",
)
_RUNTIMES: Final = ("node:", "internal/", "ext:", "bun:")

_functions: dict[str, str] = {}
_files: dict[str, str] = {}
_folders: dict[str, bool] = {}


def clean_function(raw: str) -> str:
    """Return a function's name without addresses, numbers and generated parts."""
    found = _functions.get(raw)
    if found is None:
        if len(_functions) >= _MOST:
            _functions.clear()
        short = raw[:200]
        if "lambda$" in short:
            short = _LAMBDA.sub(r"\1$", short)
        found = _functions[raw] = _NOISE.sub("", short).strip(" .$/?")
    return found


def without(text: str, opened: str, closed: str) -> str:
    """Return a text without what stands between two brackets, however nested."""
    if opened not in text and closed not in text:
        return text
    kept: list[str] = []
    depth = start = 0
    for at, char in enumerate(text):
        if char == opened:
            if not depth:
                kept.append(text[start:at])
            depth += 1
        elif char == closed:
            if not depth:
                kept.append(text[start:at])
            depth, start = max(depth - 1, 0), at + 1
    return "".join(kept) if depth else "".join(kept) + text[start:]


def cached(read: Callable[[str], Frame | None]) -> Callable[[str], Frame | None]:
    """Return a reader of single lines that remembers what they said."""
    known: dict[str, Frame | None] = {}

    def reader(line: str) -> Frame | None:
        """Return the frame of a line."""
        try:
            return known[line]
        except KeyError:
            if len(line) > _CACHED:
                return read(line)
        if len(known) >= _MOST_FRAMES:
            known.clear()
        found = known[line] = read(line)
        return found

    return reader


def lines_from(text: str, at: int) -> list[str]:
    """Return the lines from the one at a place on, as many as are ever read."""
    return text[text.rfind("\n", 0, at) + 1 :].split("\n", MOST_LINES)[:MOST_LINES]


def number(digits: str) -> int:
    """Return a line's number, 0 for what is none."""
    return int(digits) if digits.isdecimal() and len(digits) < 9 else 0


def base_name(path: str) -> str:
    """Return a file's name without folder, query string and content hash."""
    name = path[path.rfind("/") + 1 :]
    found = _files.get(name)
    if found is None:
        if len(_files) >= _MOST:
            _files.clear()
        short = name[name.rfind("\\") + 1 :].partition("?")[0][:200]
        found = _files[name] = _HASH.sub("", short) if short[:1] not in "<[" else ""
    return found


def is_library(path: str) -> bool:
    """Tell by the path whether code belongs to a runtime or to an installed package."""
    folder = path[: path.rfind("/") + 1] or path
    found = _folders.get(folder)
    if found is None:
        if len(_folders) >= _MOST:
            _folders.clear()
        marked = any(mark in folder for mark in _LIBRARY)
        found = _folders[folder] = marked or folder.startswith(_RUNTIMES)
    return found


def shown_path(path: str) -> str:
    """Return the part of a path that people know: from src/, lib/ or app/, else the end."""
    for mark in ("/src/", "/lib/", "/app/"):
        found = path.rfind(mark)
        if found >= 0:
            return path[found + 1 :][:200]
    clean = path.partition("?")[0].replace("\\", "/")
    return "/".join(clean.split("/")[-2:])[:200].lstrip("/")


def key_frames(frames: Iterable[Frame]) -> tuple[str, ...]:
    """Return ``function@file`` of the frames that decide: ours, or all if none is ours."""
    every = list(frames)
    chosen = [frame for frame in every if frame.in_app] or every
    found: list[str] = []
    for frame in chosen:
        short = f"{frame.function}@{base_name(frame.path)}"
        if short != "@" and (not found or found[-1] != short):
            found.append(short)
            if len(found) == KEPT:
                break
    return tuple(found)


def top(frames: Iterable[Frame]) -> Frame | None:
    """Return the frame to show: the innermost of ours, else the innermost."""
    first = None
    for frame in frames:
        if frame.in_app:
            return frame
        first = first or frame
    return first
