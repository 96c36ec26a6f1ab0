"""Sentry's sessions as counts: single updates and the aggregates of one minute."""

from collections.abc import Iterator
from typing import Any

from pipeline.model.event import COUNTS

MAX_SESSIONS = 100  # per envelope
_MAX_COUNT = 10**9
_Payload = dict[str, Any]


def sessions_of(payload: _Payload) -> Iterator[_Payload]:
    """Yield an event of kind session per update, or per aggregate of a ``sessions`` item."""
    aggregates = payload.get("aggregates")
    if not isinstance(aggregates, list):
        yield _event(payload, payload.get("timestamp"), _update(payload))
        return
    for aggregate in aggregates:
        if isinstance(aggregate, dict):
            yield _event(payload, aggregate.get("started"), _aggregate(aggregate))


def _event(payload: _Payload, at: Any, counts: dict[str, int]) -> _Payload:
    """Return an event with the counts and what the SDK says of itself."""
    attributes = payload.get("attrs")
    attributes = attributes if isinstance(attributes, dict) else {}
    event: _Payload = {"kind": "session", "timestamp": at or payload.get("started"), **counts}
    for name in ("release", "environment"):
        if isinstance(attributes.get(name), str):
            event[name] = attributes[name]
    if isinstance(payload.get("sid"), str):
        event["session_id"] = payload["sid"][:64]
    return {name: value for name, value in event.items() if value is not None}


def _update(session: _Payload) -> dict[str, int]:
    """Return what one update adds.

    A session sends several: one with ``init``, one at its first error while it goes on (status
    ok), one at its end. Each fact is counted at the update that brings it, so that the sum over
    the updates is right without a memory of sessions.
    """
    status = str(session.get("status", "ok"))
    is_first = bool(session.get("init"))
    errors = session.get("errors")
    has_errors = isinstance(errors, int | float) and errors > 0
    counts = dict.fromkeys(COUNTS, 0)
    counts["started"] = int(is_first)
    if status in {"crashed", "abnormal"}:
        counts[status] = 1
    elif has_errors or status in {"errored", "unhandled"}:
        counts["errored"] = int(is_first or status != "exited")
    counts["exited"] = int(status == "exited" and not has_errors)
    return counts


def _aggregate(aggregate: _Payload) -> dict[str, int]:
    """Return the counts of sessions that ended; SDKs count each in one of the four."""
    counts = {name: _count(aggregate.get(name)) for name in COUNTS}
    counts["started"] = sum(counts[name] for name in COUNTS if name != "started")
    return counts


def _count(value: Any) -> int:
    """Return a count between none and what can be believed."""
    return min(max(int(value), 0), _MAX_COUNT) if type(value) is int else 0
