"""Topic ``dead-letters``: the original bytes, and headers that tell what happened to them.

On their way to Kafka the bytes are sealed (``io/seal.py``): ``body`` then tells whether they are,
``payload_bytes`` how many there were, and ``preview`` shows their beginning without secrets.
"""

from collections.abc import Iterable
from datetime import datetime

from pipeline.model.stage import Headers, Record, Sent

TOPIC = "dead-letters"
STAGE, SRC_TOPIC, SRC_PARTITION, SRC_OFFSET, SRC_END, SRC_TIMESTAMP, REASON, ERROR, AT, ATTEMPTS = (
    "stage",
    "topic",
    "partition",
    "offset",
    "end",
    "timestamp",
    "reason",
    "error",
    "failed_at",
    "attempts",
)
BODY, PAYLOAD_BYTES, PREVIEW, PROJECT, SERVICE = (
    "body",
    "payload_bytes",
    "preview",
    "project",
    "service",
)
SEALED, LEFT_OUT = "sealed", "left out"
OWN = frozenset(
    {
        *(STAGE, SRC_TOPIC, SRC_PARTITION, SRC_OFFSET, SRC_END, SRC_TIMESTAMP),
        *(REASON, ERROR, AT, ATTEMPTS),
    }
)


def dead_letter(
    record: Record,
    stage: str,
    reason: str,
    error: str,
    now: datetime,
    attempts: int = 1,
    end: int | None = None,
) -> Sent:
    """Return the dead letter of one record: same key, same bytes, headers for people and tools.

    ``end`` is the offset behind the last one lost, where a whole range was.
    """
    facts: Iterable[tuple[str, str]] = (
        (STAGE, stage),
        (SRC_TOPIC, record.topic),
        (SRC_PARTITION, str(record.partition)),
        (SRC_OFFSET, str(record.offset)),
        (SRC_END, str(record.offset + 1 if end is None else end)),
        (SRC_TIMESTAMP, str(record.timestamp_ms)),
        (REASON, reason),
        (ERROR, error[:500]),
        (AT, now.isoformat()),
        (ATTEMPTS, str(attempts)),
    )
    own: Headers = tuple((name, value.encode()) for name, value in facts)
    kept = tuple(pair for pair in record.headers if pair[0] not in OWN)
    return Sent(topic=TOPIC, key=record.key, value=record.value, headers=own + kept)
