"""A way to a Kafka cluster, by its bootstrap servers."""

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from zlib import crc32

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from pipeline.io.broker import Away, BrokerError
from pipeline.io.kafka.client import Reports, insist, settings, translated
from pipeline.io.kafka.consumer import (
    CHUNK,
    KafkaConsumer,
    consumer_settings,
    partitions_of,
    record_of,
)
from pipeline.io.kafka.producer import KafkaPlainProducer, KafkaProducer, transaction_settings
from pipeline.io.kafka.tail import Tail
from pipeline.io.seal import Seal
from pipeline.model.stage import Record, Source

EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
ASK_S = 20.0
# Longer than a transaction may stay open.
SILENCE_S = 60.0
_EOF = ck.KafkaError._PARTITION_EOF  # noqa: SLF001  librdkafka's local codes have this name


class KafkaBroker:
    """The ``Broker`` of io/broker.py; ``client`` is passed on to librdkafka (sasl, ssl)."""

    def __init__(
        self,
        bootstrap: str,
        client: Mapping[str, str] = {},
        session_ms: int = 18_000,
        seal: Seal | None = None,
    ) -> None:
        self._seal = seal or Seal()
        self._reports = Reports()
        self._shared = settings(bootstrap, client, self._reports)
        self._session_ms = session_ms
        self._admin = AdminClient(self._shared)

    def consumer(self, group: str, instance: str, topics: Collection[str]) -> KafkaConsumer:
        """Join a group as a static member.

        The instance's name carries its topics: to a static member that comes back Kafka hands its
        old assignment, even if it reads other topics now.
        """
        member = f"{instance}-{crc32(' '.join(sorted(topics)).encode()):08x}"
        conf = {**self._shared, **consumer_settings(group, member, self._session_ms)}
        return KafkaConsumer(conf, topics, self._reports)

    def producer(self, transactional_id: str) -> KafkaProducer:
        """Take over the identity, settling what its last holder left open."""
        return KafkaProducer({**self._shared, **transaction_settings(transactional_id)}, self._seal)

    def plain_producer(self) -> KafkaPlainProducer:
        """Return a producer that waits for all replicas."""
        return KafkaPlainProducer(self._shared, self._seal)

    def partitions(self, topic: str) -> int:
        """Return the partition count; KeyError for an unknown topic."""
        listed = insist(
            f"asking for the partitions of {topic}",
            ASK_S,
            lambda left: self._admin.list_topics(topic, timeout=left),
        ).topics[topic]
        if listed.error is not None:
            raise KeyError(f"{topic}: {listed.error.str()}: run `tocsin topics create`")
        return len(listed.partitions)

    def ends(self, sources: Collection[Source]) -> dict[Source, int]:
        """Return the high watermarks: open transactions included."""
        return self._offsets(sources, LATEST)

    def offset_at(self, source: Source, timestamp_ms: int) -> int:
        """Return the first offset not older than this time, or the end."""
        found = self._offsets([source], OffsetSpec.for_timestamp(timestamp_ms))[source]
        return found if found >= 0 else self.ends([source])[source]

    def _offsets(self, sources: Collection[Source], spec: OffsetSpec) -> dict[Source, int]:
        """Ask the leaders for one kind of offset of many partitions."""
        if not sources:
            return {}
        asked = {ck.TopicPartition(*source): spec for source in sources}
        return insist("asking for offsets", ASK_S, lambda left: self._ask(asked, left))

    def _ask(self, asked: dict[ck.TopicPartition, OffsetSpec], left: float) -> dict[Source, int]:
        """Ask once; an error costs the client, which would cite a dead leader's epoch for ever."""
        try:
            answers = self._admin.list_offsets(asked, request_timeout=left)
            return {Source(p.topic, p.partition): f.result().offset for p, f in answers.items()}
        except ck.KafkaException:
            self._admin = AdminClient(self._shared)
            raise

    def read(
        self,
        sources: Collection[Source],
        since: Mapping[Source, int],
        until: Mapping[Source, int] | None = None,
    ) -> Iterator[Record]:
        """Read committed records from ``since`` (or the beginning) to ``until``, then stop."""
        if not sources:
            return
        consumer = ck.Consumer({**self._shared, **_READER})
        try:
            first = self._first(sources, since)
            ends = until or {}
            consumer.assign(partitions_of(first))
            waiting = {s for s in sources if s not in ends or first[s] < ends[s]}
            yield from _read(consumer, waiting, ends)
        finally:
            consumer.close()

    def follow(self, since: Mapping[Source, int]) -> Tail:
        """Read on from these offsets for as long as it is polled."""
        return Tail(self._shared, since=since)

    def tail(self, topics: Collection[str]) -> Tail:
        """Read topics on from their present end, every partition."""
        return Tail(self._shared, topics=topics)

    def _first(self, sources: Collection[Source], since: Mapping[Source, int]) -> dict[Source, int]:
        """Return the offsets to begin at."""
        lows = self._offsets(sources, EARLIEST)
        tails = [source for source in sources if since.get(source, 0) < 0]
        highs = self.ends(tails)
        first = dict(lows)
        for source in since.keys() & lows.keys():
            at = since[source]
            first[source] = max(lows[source], highs[source] + at if at < 0 else at)
        return first


_READER: dict[str, Any] = {
    "group.id": "tocsin-readers",  # librdkafka wants a name; nothing is ever committed
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "queued.max.messages.kbytes": 16_384,
    "fetch.queue.backoff.ms": 10,
    "fetch.wait.max.ms": 50,
}


def _read(
    consumer: ck.Consumer, waiting: set[Source], ends: Mapping[Source, int]
) -> Iterator[Record]:
    """Read until no partition is waited for; an end may be hidden behind markers: see EOF."""
    deadline = time.monotonic() + SILENCE_S
    while waiting:
        for message in consumer.consume(CHUNK, 0.1):
            source = Source(message.topic() or "", message.partition() or 0)
            end, at = ends.get(source), message.offset() or 0
            error = message.error()
            if error is None:
                deadline = time.monotonic() + SILENCE_S
                if source in waiting and (end is None or at < end):
                    yield record_of(message)
                if end is not None and at + 1 >= end:
                    waiting.discard(source)
            elif error.code() == _EOF:
                if end is None or at >= end:
                    waiting.discard(source)
            else:
                raise _broken(error)
        if time.monotonic() > deadline:
            raise Away(f"nothing came for {SILENCE_S} s while reading {sorted(waiting)}")


def _broken(error: ck.KafkaError) -> BrokerError:
    """Return what a reader's error means."""
    return translated(error, "reading")
