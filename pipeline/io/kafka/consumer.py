"""A static member of a consumer group that reads committed records and decides its own offsets."""

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import confluent_kafka as ck

from pipeline.io.broker import (
    BATCH_BYTES,
    Aborted,
    Away,
    BrokerError,
    Committed,
    Fenced,
    Start,
    start_of,
)
from pipeline.io.kafka.client import FENCED, MOVED, Reports, error_of, insist, translated
from pipeline.model.stage import Headers, Record, Source

CHUNK = 500
ASK_S = 10.0
_EOF = ck.KafkaError._PARTITION_EOF  # noqa: SLF001  librdkafka's local codes have this name
_RESET = ck.KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001


def consumer_settings(group: str, instance: str, session_ms: int) -> dict[str, Any]:
    """Return what a member needs beside the shared settings."""
    return {
        "group.id": group,
        "group.instance.id": instance,
        "group.protocol": "classic",
        # alert reads co-partitioned topics: only range gives one member the same numbers of each.
        "partition.assignment.strategy": "range",
        "session.timeout.ms": session_ms,
        "heartbeat.interval.ms": session_ms // 6,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "queued.max.messages.kbytes": 16_384,
        "fetch.message.max.bytes": 2**20,
        "fetch.queue.backoff.ms": 10,  # the default of 1 s starves a fast reader of a full queue
        "fetch.wait.max.ms": 100,
    }


def record_of(message: ck.Message) -> Record:
    """Return a message as the stages see it; a header without a value becomes empty."""
    headers = message.headers()
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        message.key(),
        message.value(),
        _headers(headers) if headers else (),
    )


def _headers(raw: Any) -> Headers:
    """Return headers as the stages see them; librdkafka gives pairs of str and bytes or None."""
    return tuple((name, value or b"") for name, value in raw)


def partitions_of(offsets: Mapping[Source, int]) -> list[ck.TopicPartition]:
    """Return offsets as librdkafka wants them."""
    return [ck.TopicPartition(*source, offset) for source, offset in offsets.items()]


class KafkaConsumer:
    """The ``Consumer`` of io/broker.py on librdkafka."""

    def __init__(self, conf: dict[str, Any], topics: Collection[str], reports: Reports) -> None:
        self._reports = reports
        self._owned: frozenset[Source] = frozenset()
        self._generation = 0
        self._starts: dict[Source, int] = {}
        self._ended: set[tuple[str, int]] = set()
        self._consumer = ck.Consumer(conf)
        self._consumer.subscribe(
            sorted(topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    def poll(
        self, max_records: int, timeout_s: float, max_bytes: int = BATCH_BYTES
    ) -> list[Record]:
        """Return what has arrived within the limits, nothing after a change of the assignment."""
        before = self._generation
        deadline = time.monotonic() + timeout_s
        records: list[Record] = []
        size = 0
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            for message in self._consumer.consume(min(CHUNK, max_records - len(records)), left):
                record = self._take(message)
                if record is not None:
                    records.append(record)
                    size += len(record.value or b"")
            if self._generation != before:
                return []
            if not left or len(records) >= max_records or size >= max_bytes:
                return records

    def _take(self, message: ck.Message) -> Record | None:
        """Return a record, or deal with an event."""
        error = message.error()
        if error is None:
            record = record_of(message)
            self._ended.discard((record.topic, record.partition))
            return record
        if error.code() == _EOF:
            self._ended.add((message.topic() or "", message.partition() or 0))
        elif error.code() == _RESET:
            # Retention has passed the position. Seek fails for ever from here on; rewind assigns.
            self._generation += 1
        elif error.code() == ck.KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise Away(f"{error.str()}: run `tocsin topics create`")
        elif error.fatal() or error.code() in FENCED:
            raise Fenced(f"{error.name()}: {error.str()}")
        else:
            self._reports(error)
        return None

    def _on_assign(self, consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
        """Note what is ours; nothing flows before ``rewind`` has decided the offsets."""
        self._owned = frozenset(Source(p.topic, p.partition) for p in partitions)
        self._change()
        consumer.assign([])

    def _on_revoke(self, consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
        """Forget everything: range takes all partitions at each rebalance."""
        del partitions
        self._owned = frozenset()
        self._change()
        consumer.unassign()

    def _change(self) -> None:
        """Begin another generation."""
        self._generation += 1
        self._starts = {}
        self._ended = set()

    def assignment(self) -> frozenset[Source]:
        """Return the partitions this member owns now."""
        return self._owned

    def generation(self) -> int:
        """Return a number that grows with each change of the assignment."""
        return self._generation

    def rewind(self) -> dict[Source, Start]:
        """Go to the committed position of every owned partition."""
        committed = self.committed(self._owned)
        starts = {s: start_of(committed[s], *self.bounds(s)) for s in sorted(self._owned)}
        self._starts = {source: start.offset for source, start in starts.items()}
        self._ended = set()
        self._consumer.assign(partitions_of(self._starts))
        return starts

    def position(self, source: Source) -> int:
        """Return the next offset to be read."""
        offset = self._consumer.position([ck.TopicPartition(*source)])[0].offset
        return offset if offset >= 0 else self._starts[source]

    def lag(self, source: Source) -> int:
        """Return how many offsets are known to lie ahead of the position."""
        high = self._consumer.get_watermark_offsets(ck.TopicPartition(*source), cached=True)[1]
        return max(high - self.position(source), 0)

    def caught_up(self) -> frozenset[Source]:
        """Return the partitions read to their last stable offset."""
        return frozenset(source for source in self._owned if source in self._ended)

    def committed(self, sources: Collection[Source]) -> dict[Source, Committed]:
        """Return the group's committed positions, waiting for transactions that are open."""
        if not sources:
            return {}
        asked = [ck.TopicPartition(*source) for source in sources]
        answers = insist(
            "reading committed offsets", 20.0, lambda left: self._ask_committed(asked, left)
        )
        return {
            Source(a.topic, a.partition): Committed(
                a.offset if a.offset >= 0 else None, a.metadata or ""
            )
            for a in answers
        }

    def _ask_committed(
        self, asked: list[ck.TopicPartition], left: float
    ) -> list[ck.TopicPartition]:
        """Ask once; an error of one partition is an error of all."""
        answers = self._consumer.committed(asked, timeout=min(left, ASK_S))
        _raise_first(answers)
        return answers

    def commit(self, offsets: Mapping[Source, Committed]) -> None:
        """Commit positions with metadata, synchronously."""
        wanted = offsets_of(offsets)
        try:
            insist("committing offsets", ASK_S, lambda _left: self._commit_once(wanted))
        except BrokerError as raised:
            cause = raised.__cause__
            if isinstance(cause, ck.KafkaException) and error_of(cause).code() in MOVED:
                raise Aborted(str(raised)) from raised
            raise

    def _commit_once(self, wanted: list[ck.TopicPartition]) -> None:
        """Commit once; an error of one partition is an error of all."""
        _raise_first(self._consumer.commit(offsets=wanted, asynchronous=False))

    def bounds(self, source: Source) -> tuple[int, int]:
        """Return the low watermark and the last stable offset of a partition."""
        asked = ck.TopicPartition(*source)
        return insist(
            f"asking for the ends of {source.topic}",
            20.0,
            lambda left: self._consumer.get_watermark_offsets(asked, timeout=min(left, ASK_S)),
        )

    def seek(self, source: Source, offset: int) -> None:
        """Go on reading at this offset."""
        try:
            self._consumer.seek(ck.TopicPartition(*source, offset))
        except ck.KafkaException as raised:
            raise translated(error_of(raised), f"seeking {source}") from raised

    def pause(self, sources: Collection[Source]) -> None:
        """Stop fetching these partitions; the member stays in its group."""
        self._consumer.pause([ck.TopicPartition(*source) for source in sources])

    def resume(self, sources: Collection[Source]) -> None:
        """Fetch these partitions again."""
        self._consumer.resume([ck.TopicPartition(*source) for source in sources])

    def group_metadata(self) -> Any:
        """Return what a transaction needs to be checked against this member's generation."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """End; a static member keeps its partitions for the session timeout."""
        self._consumer.close()


def offsets_of(offsets: Mapping[Source, Committed]) -> list[ck.TopicPartition]:
    """Return positions with metadata as librdkafka wants them."""
    return [
        ck.TopicPartition(source.topic, source.partition, at.offset or 0, at.metadata)
        for source, at in offsets.items()
    ]


def _raise_first(answers: Iterable[ck.TopicPartition]) -> None:
    """Raise the first error that a list of partitions carries."""
    for answer in answers:
        if answer.error is not None:
            raise ck.KafkaException(answer.error)
