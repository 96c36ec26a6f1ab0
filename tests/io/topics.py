"""The topics of notify on a broker in memory, and what lies on them."""

from typing import Any

import msgspec

from pipeline.io.clock import ManualClock, SystemClock
from pipeline.io.memory import MemoryBroker
from pipeline.model.notification import Notification
from pipeline.model.notification_log import Attempt
from pipeline.model.stage import Sent, Source
from tests.notify.build import key_of

PARTITIONS = 2


def a_broker(clock: ManualClock | None = None) -> MemoryBroker:
    """Return a broker with the topics of notify."""
    broker = MemoryBroker(clock or SystemClock())
    for topic in ("notifications", "notifications.log", "dead-letters"):
        broker.create(topic, PARTITIONS)
    return broker


def put(broker: MemoryBroker, note: Notification) -> None:
    """Publish a notice as the alert stage does."""
    broker.put(Sent("notifications", msgspec.json.encode(note), key_of(note)))


def records(broker: MemoryBroker, topic: str) -> list[Any]:
    """Return everything on a topic."""
    return list(broker.read([Source(topic, p) for p in range(PARTITIONS)], {}))


def attempts(broker: MemoryBroker) -> list[Attempt]:
    """Return the log's entries, in order of time."""
    found = [
        msgspec.json.decode(r.value, type=Attempt) for r in records(broker, "notifications.log")
    ]
    return sorted(found, key=lambda a: (a.at, a.attempt))


def outcomes(broker: MemoryBroker) -> list[str]:
    """Return the outcomes in the log."""
    return [a.outcome for a in attempts(broker)]
