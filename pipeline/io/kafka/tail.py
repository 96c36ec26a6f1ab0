"""Follows topics from their present end, outside any group: every reader sees every record."""

import time
from collections.abc import Collection, Mapping
from typing import Any

import confluent_kafka as ck

from pipeline.io.kafka.client import Reports, insist, settings
from pipeline.io.kafka.consumer import record_of
from pipeline.model.stage import Record

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
    """A live view of some topics; ``poll`` it often."""

    def __init__(self, bootstrap: str, client: Mapping[str, str], topics: Collection[str]) -> None:
        shared = settings(bootstrap, client, Reports())
        self._consumer = ck.Consumer({**shared, **_FOLLOWER})
        self._topics = tuple(topics)
        self._assigned = False

    def _assign(self) -> None:
        """Take every partition at its end."""
        listed = insist(
            "asking for topics", ASK_S, lambda left: self._consumer.list_topics(timeout=left)
        ).topics
        self._consumer.assign(
            [
                ck.TopicPartition(topic, number, ck.OFFSET_END)
                for topic in self._topics
                if topic in listed
                for number in listed[topic].partitions
            ]
        )
        self._assigned = True

    def poll(self, timeout_s: float) -> list[Record]:
        """Return what has arrived within the time; raises Away before the first answer."""
        if not self._assigned:
            self._assign()
        end = time.monotonic() + timeout_s
        records: list[Record] = []
        while not records and time.monotonic() < end:
            messages = self._consumer.consume(CHUNK, max(end - time.monotonic(), 0.0))
            records += [record_of(message) for message in messages if message.error() is None]
        return records

    def close(self) -> None:
        """End."""
        self._consumer.close()
