"""Strings that are hard for a pattern, derived from its own parse tree.

Each repeat is pumped: what leads to it, then what it repeats again and again, then something that
ends the match. What a backtracking matcher can be made to try over and over is among them.
"""

import re
from collections.abc import Iterator
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
# One of each class that patterns tell apart, the plain ones first.
_CHARS = "a0A f1.-_:/@ \t\n\"'\\(<[{=,;+%$#~|é٣\x00"
_MOST_BODIES = 6


def pumped(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Yield strings of this size which pump each repeat of the pattern."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    for prefix, body in dict.fromkeys(_pumps(list(tree), "")):
        whole = prefix + body
        yield (prefix + body * (size // len(body) + 1))[: size - 1] + "\x01"
        yield (whole * (size // len(whole) + 1))[:size]


def _pumps(nodes: list[Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield what leads to each repeat, and what it repeats."""
    for op, value in nodes:
        name = str(op)
        if name in _REPEATS:
            _, most, item = value
            if most > 1:
                yield from ((prefix, body) for body in _examples(list(item)) if body)
            yield from _pumps(list(item), prefix)
        elif name == "BRANCH":
            for branch in value[1]:
                yield from _pumps(list(branch), prefix)
        elif name == "SUBPATTERN":
            yield from _pumps(list(value[-1]), prefix)
        elif name == "ATOMIC_GROUP":
            yield from _pumps(list(value), prefix)
        elif name in {"ASSERT", "ASSERT_NOT"}:
            yield from _pumps(list(value[1]), prefix)
        prefix += _example(op, value, 0)


def _examples(nodes: list[Any]) -> list[str]:
    """Return some strings that the nodes match, from each of their choices."""
    found = ("".join(_example(op, value, n) for op, value in nodes) for n in range(_MOST_BODIES))
    return list(dict.fromkeys(found))


def _example(op: Any, value: Any, choice: int) -> str:
    """Return a string that a node matches; ``choice`` turns over what it may be."""
    name = str(op)
    if name == "LITERAL":
        return chr(value)
    if name in {"IN", "NOT_LITERAL", "ANY"}:
        fitting = [char for char in _CHARS if _is_in(name, value, char)]
        return fitting[choice % len(fitting)] if fitting else _first_of(value)
    if name in _REPEATS:
        least, most, item = value
        inner = "".join(_example(node[0], node[1], choice) for node in item)
        return inner * int(least or min(most, choice % 2))
    if name == "BRANCH":
        branch = value[1][choice % len(value[1])]
        return "".join(_example(node[0], node[1], choice) for node in branch)
    inside = {"SUBPATTERN": lambda: value[-1], "ATOMIC_GROUP": lambda: value}.get(name)
    return "".join(_example(node[0], node[1], choice) for node in inside()) if inside else ""


def _is_in(name: str, value: Any, char: str) -> bool:
    """Tell whether a set of characters has this one."""
    if name == "ANY":
        return char != "\n"
    if name == "NOT_LITERAL":
        return bool(char != chr(value))
    negated = bool(value) and str(value[0][0]) == "NEGATE"
    return bool(negated) is not any(_has(str(op), part, char) for op, part in value)


def _has(name: str, part: Any, char: str) -> bool:
    """Tell whether one part of a set has a character."""
    if name == "LITERAL":
        return bool(ord(char) == part)
    if name == "RANGE":
        return bool(part[0] <= ord(char) <= part[1])
    if name != "CATEGORY":
        return False
    kind = str(part)
    tests = {
        "DIGIT": char.isdigit(),
        "SPACE": char.isspace(),
        "WORD": char.isalnum() or char == "_",
    }
    return bool(tests[kind.rpartition("_")[2]]) != ("_NOT_" in kind)


def _first_of(value: Any) -> str:
    """Return the first character that a set names."""
    for op, part in value:
        if str(op) in {"LITERAL", "RANGE"}:
            return chr(part if str(op) == "LITERAL" else part[0])
    return "a"
