"""Follows topics from their present end, outside any group: every reader sees every record."""

import time
from collections.abc import Collection, Mapping
from typing import Any

import confluent_kafka as ck

from pipeline.io.kafka.client import insist
from pipeline.io.kafka.consumer import partitions_of, record_of
from pipeline.model.stage import Record, Source

ASK_S = 30.0
CHUNK = 500
_FOLLOWER: dict[str, Any] = {
    "group.id": "tocsin-followers",  # librdkafka wants a name; nothing is ever committed
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
    "auto.offset.reset": "latest",  # what retention took meanwhile was not for a live view
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 8_192,
}


class Tail:
    """The ``Follower`` of io/broker.py: from given offsets, or of whole topics from their end."""

    def __init__(
        self,
        shared: dict[str, Any],
        topics: Collection[str] = (),
        since: Mapping[Source, int] = {},
    ) -> None:
        self._consumer = ck.Consumer({**shared, **_FOLLOWER})
        self._topics = tuple(topics)
        self._since = since
        self._assigned = False

    def _assign(self) -> None:
        """Take the partitions; asked for topics, every partition at its end."""
        offsets = dict(self._since)
        if self._topics:
            listed = insist(
                "asking for topics", ASK_S, lambda left: self._consumer.list_topics(timeout=left)
            ).topics
            offsets |= {
                Source(topic, number): ck.OFFSET_END
                for topic in self._topics
                if topic in listed
                for number in listed[topic].partitions
            }
        self._consumer.assign(partitions_of(offsets))
        self._assigned = True

    def poll(self, timeout_s: float) -> list[Record]:
        """Return what has arrived within the time; raises Away before the first answer."""
        if not self._assigned:
            self._assign()
        end = time.monotonic() + timeout_s
        while True:
            messages = self._consumer.consume(CHUNK, max(end - time.monotonic(), 0.0))
            records = [record_of(message) for message in messages if message.error() is None]
            if records or time.monotonic() >= end:
                return records

    def close(self) -> None:
        """End."""
        self._consumer.close()
