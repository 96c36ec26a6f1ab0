"""Comments that switch a rule off: ``tocsin: ignore[rule, rule] reason``, or every rule."""

from collections.abc import Iterable
from typing import Final, NamedTuple

MARK: Final = "tocsin: ignore"
ALL: Final[frozenset[str]] = frozenset()


class Comment(NamedTuple):
    """A comment, and whether nothing else stands on its line."""

    line: int
    text: str
    alone: bool


def ignores(comments: Iterable[Comment]) -> dict[int, frozenset[str]]:
    """Return the rules that are off by line; a comment alone speaks for the line below it."""
    found: dict[int, frozenset[str]] = {}
    for comment in comments:
        _, mark, rest = comment.text.partition(MARK)
        if mark:
            found[comment.line + comment.alone] = _rules(rest)
    return found


def _rules(rest: str) -> frozenset[str]:
    """Return the rules named in the brackets; none stands for all."""
    if not rest.startswith("["):
        return ALL
    return frozenset(name.strip() for name in rest[1:].partition("]")[0].split(","))


def is_ignored(found: dict[int, frozenset[str]], line: int, rule: str) -> bool:
    """Tell whether a rule is off in a line."""
    rules = found.get(line)
    return rules is not None and (rules == ALL or rule in rules)
