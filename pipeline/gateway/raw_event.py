"""A finished event on its way to ``events.raw``: id, key and CloudEvents headers."""

from collections import Counter
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from pipeline.gateway.exchange import Context
from pipeline.gateway.limits import encode, fit
from pipeline.model.dead_letter import dead_letter
from pipeline.model.event import SCHEMA, event_id_of
from pipeline.model.stage import Headers, Record, Sent

TOPIC = "events.raw"
TIMES = ("timestamp", "@timestamp", "time", "ts", "date", "datetime", "asctime")
# A dead letter has to fit its topic, whatever was sent.
MAX_DEAD_BYTES = 2**20
_LATEST_OFFSET = 2**48


class Ids:
    """Ids of one request's records: the same bytes sent again get the same ids."""

    def __init__(self, context: Context) -> None:
        self._project = context.project
        self._seed = context.seed
        self._seen: Counter[bytes] = Counter()
        self._drawn = 0

    def of(self, record: dict[str, Any]) -> str:
        """Return the record's own id, else one of its content if it has a time, else a new one."""
        own = event_id_of(record.get("event_id"))
        if own:
            return own
        if any(record.get(name) for name in TIMES):
            return self.digest(encode(record))
        return self.drawn()

    def drawn(self) -> str:
        """Return an id that no other record has."""
        self._drawn += 1
        return _digest(self._seed, str(self._drawn).encode())

    def digest(self, content: bytes) -> str:
        """Return an id of this content and its ordinal among equal ones of the request."""
        short = blake2b(content, digest_size=16).digest()
        self._seen[short] += 1
        return _digest(self._project.encode(), short, str(self._seen[short]).encode())


def _digest(*parts: bytes) -> str:
    """Return 32 hex digits of the parts."""
    return blake2b(b"\0".join(parts), digest_size=16).hexdigest()


def to_raw(
    event: dict[str, Any], event_id: str, form: str, context: Context, limit: int
) -> tuple[Sent, list[str]]:
    """Return the message for ``events.raw`` and what was cut from it; raises TooBig."""
    event["schema"] = SCHEMA
    event["event_id"] = event_id
    event["project"] = context.project
    event["received"] = stamp(context.now)
    source: dict[str, Any] = {"format": form, "ingested_by": "gateway"}
    event["source"] = source
    value = fit(event, limit)
    dropped: list[str] = source.get("dropped", [])
    headers = _headers(event, event_id, f"/gateway/{form}/{context.project}", context.now)
    return Sent(topic=TOPIC, key=event_id.encode(), value=value, headers=headers), dropped


def _headers(event: dict[str, Any], event_id: str, source: str, now: datetime) -> Headers:
    """Return the headers of CloudEvents' binary mode, and the trace where there is one."""
    pairs = [
        ("ce_specversion", "1.0"),
        ("ce_id", event_id),
        ("ce_source", source),
        ("ce_type", "events.raw.v1"),
        ("ce_time", stamp(now)),
        ("content-type", "application/json"),
    ]
    parent = _traceparent(event)
    if parent:
        pairs.append(("traceparent", parent))
    return tuple((name, value.encode("utf-8", "replace")) for name, value in pairs)


def _traceparent(event: dict[str, Any]) -> str:
    """Return the W3C header of the event's trace, or an empty string."""
    contexts = event.get("contexts")
    trace = event.get("trace") or (contexts.get("trace") if isinstance(contexts, dict) else None)
    if not isinstance(trace, dict):
        return ""
    trace_id, span_id = trace.get("trace_id"), trace.get("span_id")
    if _is_hex(trace_id, 32) and _is_hex(span_id, 16):
        return f"00-{trace_id}-{span_id}-01".lower()
    return ""


def _is_hex(value: Any, length: int) -> bool:
    """Tell whether it is a text of so many hex digits."""
    return (
        isinstance(value, str)
        and len(value) == length
        and all(char in "0123456789abcdefABCDEF" for char in value)
    )


def stamp(at: datetime) -> str:
    """Return a time as RFC 3339 with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_dead_letter(content: bytes, ids: Ids, context: Context, reason: str, error: str) -> Sent:
    """Return the dead letter of a record that was refused.

    It never had an offset: a digest of what it is stands in its place, so that the same bytes
    sent again are the same letter.
    """
    offset = int(ids.digest(content), 16) % _LATEST_OFFSET
    record = Record(
        topic=f"http/{context.endpoint}",
        partition=0,
        offset=offset,
        timestamp_ms=int(context.now.timestamp() * 1000),
        key=None,
        value=content[:MAX_DEAD_BYTES],
        headers=(("project", context.project.encode()), ("bytes", str(len(content)).encode())),
    )
    return dead_letter(record, "gateway", reason, error, context.now)
