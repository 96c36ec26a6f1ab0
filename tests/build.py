"""Values for tests, with defaults: an_event(), a_record()."""

from datetime import UTC, datetime
from typing import Any

import orjson

from pipeline.model.stage import Headers, Record

AT = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)


def a_record(
    value: bytes | dict[str, Any] | None = None,
    *,
    topic: str = "events.raw",
    partition: int = 0,
    offset: int = 0,
    timestamp_ms: int = AT_MS,
    key: bytes | None = None,
    headers: Headers = (),
) -> Record:
    """Return a record as it comes from Kafka; a dict becomes JSON."""
    body = orjson.dumps(value) if isinstance(value, dict) else value
    return Record(topic, partition, offset, timestamp_ms, key, body, headers)
