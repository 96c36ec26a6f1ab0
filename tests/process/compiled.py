"""Every compiled pattern of the package, and the methods it is used by.

    python -m tests.process.compiled

prints them as JSON lines. It runs in a process of its own, since it imports whatever there is.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import msgspec

import pipeline

_METHODS = "search|match|fullmatch|sub|subn|finditer|findall|split|scanner"


class Compiled(NamedTuple):
    """A pattern, where it was found, and by which methods its module uses it."""

    place: str
    source: str
    flags: int
    is_bytes: bool
    methods: tuple[str, ...]

    def compiled(self) -> re.Pattern[Any]:
        """Return the pattern."""
        source = self.source.encode("latin-1") if self.is_bytes else self.source
        return re.compile(source, self.flags)


def modules() -> Iterator[ModuleType]:
    """Yield every module of the package."""
    for found in pkgutil.walk_packages(pipeline.__path__, "pipeline."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def patterns() -> dict[re.Pattern[Any], Compiled]:
    """Return each pattern once, with all uses of it."""
    found: dict[re.Pattern[Any], Compiled] = {}
    for module in modules():
        source = inspect.getsource(module)
        for name, value in list(vars(module).items()):
            for pattern in _inside(value, module.__name__, set()):
                names = "|".join((name, *re.findall(rf"for [\w, ]*?(\w+) in {name}\b", source)))
                used = re.findall(rf"\b(?:{names})\.({_METHODS})\b", source)
                before = found.get(pattern)
                place = before.place if before else f"{module.__name__}.{name}"
                methods = {*(before.methods if before else ()), *used}
                found[pattern] = _described(pattern, place, tuple(sorted(methods)))
    return found


def _described(pattern: re.Pattern[Any], place: str, methods: tuple[str, ...]) -> Compiled:
    """Return a pattern in a form that can be printed."""
    source = pattern.pattern
    is_bytes = isinstance(source, bytes)
    text = source.decode("latin-1") if isinstance(source, bytes) else str(source)
    return Compiled(place, text, pattern.flags & ~re.DEBUG, is_bytes, methods)


def _inside(value: Any, owner: str, seen: set[int]) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns that a module's value holds, in whatever container or object."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, re.Pattern):
        yield value
    for part in _parts(value, owner):
        yield from _inside(part, owner, seen)


def _parts(value: Any, owner: str) -> Iterator[Any]:
    """Yield what is held by a container, by a partial or bound call, or by an object of ours."""
    if isinstance(value, dict):
        yield from (*value.keys(), *value.values())
    elif isinstance(value, tuple | list | set | frozenset):
        yield from value
    elif isinstance(value, partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, FunctionType):
        yield from value.__defaults__ or ()
        yield from (cell.cell_contents for cell in value.__closure__ or ())
    elif isinstance(value, type):
        yield from vars(value).values() if value.__module__ == owner else ()
    elif isinstance(value, msgspec.Struct):
        yield from msgspec.structs.astuple(value)
    elif type(value).__module__.startswith("pipeline."):
        yield from getattr(value, "__dict__", {}).values()
    else:
        yield getattr(value, "__self__", None)  # pattern.sub, kept as a function


def main() -> None:
    """Print the patterns."""
    for found in patterns().values():
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
