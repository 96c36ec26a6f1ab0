"""The exceptions of one event in a row, the raised one last, each behind causes and members."""

from typing import Any, Final, NamedTuple

from pipeline.model.stage import Unreadable
from pipeline.process.values import joined

_MOST: Final = 50
_NESTED: Final = frozenset(("cause", "exceptions", "aggregateErrors", "errors"))
# How clients say that an exception is a cause of its parent, and no member of it.
_CAUSES: Final = frozenset(("cause", "__cause__", "__context__"))


class Given(NamedTuple):
    """One exception as it came; ``group`` is the ``own`` of the group it is a member of."""

    raw: dict[str, Any] | str
    own: int = 0
    group: int | None = None
    is_group: bool = False


def chain_of(value: Any) -> list[Given]:
    """Return the exceptions of any shape; raises Unreadable for what is none.

    Of more than 50 those nearest to the raised one are kept.
    """
    if value is None or value in ("", [], {}):
        return []
    if isinstance(value, str):
        return [Given(value)]
    if isinstance(value, dict):
        values = value.get("values")
        if not isinstance(values, list) and value.keys() != {"values"}:
            return _unfolded([value])
        value = values or []
    if not isinstance(value, list):
        raise Unreadable("wrong_type", "exception is an object, a list or a text")
    lines = joined(value)
    if "\n" in lines:
        return [Given(lines)]
    members = [member for member in value if isinstance(member, dict | str) and member]
    if members and isinstance(members[0], dict) and "exc_type" in members[0]:
        return _unfolded(members[:_MOST])  # structlog tells the raised one first
    if len(members) == 1:
        return _unfolded(members)
    return [_sentrys(member) for member in members[-_MOST:]]


def _sentrys(member: Any) -> Given:
    """Return one of Sentry's values, whose mechanism tells what belongs together."""
    mechanism = member.get("mechanism") if isinstance(member, dict) else None
    if not isinstance(mechanism, dict):
        return Given(member, -1)
    own, group = mechanism.get("exception_id"), mechanism.get("parent_id")
    is_member = isinstance(group, int) and mechanism.get("source") not in _CAUSES
    return Given(
        raw=member,
        own=own if isinstance(own, int) else -1,
        group=group if is_member else None,
        is_group=mechanism.get("is_exception_group") is True,
    )


def _unfolded(chain: list[Any]) -> list[Given]:
    """Return a chain that begins with the raised one, and what is nested in its members."""
    if len(chain) == 1 and (isinstance(chain[0], str) or _NESTED.isdisjoint(chain[0])):
        return [Given(chain[0])]
    found: list[Given] = []
    waiting: list[tuple[Any, int | None]] = [(member, None) for member in chain]
    while waiting and len(found) < _MOST:
        raw, group = waiting.pop(0)
        parts = _parts(raw)
        own = len(found)
        found.append(Given(raw, own, group, bool(parts)))
        if isinstance(raw, dict) and isinstance(raw.get("cause"), dict) and raw["cause"]:
            waiting.append((raw["cause"], None))
        waiting += [(part, own) for part in parts[:_MOST]]
    found.reverse()
    return found


def _parts(raw: Any) -> list[Any]:
    """Return the members of a group: structlog's traces of them, pino's errors."""
    if not isinstance(raw, dict):
        return []
    for name in ("exceptions", "aggregateErrors", "errors"):
        parts = raw.get(name)
        if isinstance(parts, list):
            firsts = [part[0] if isinstance(part, list) and part else part for part in parts]
            return [part for part in firsts if isinstance(part, dict) and part]
    return []
