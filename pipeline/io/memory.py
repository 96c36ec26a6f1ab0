"""A broker in memory with Kafka's semantics, for tests of whole topologies without a network.

A transaction takes offsets even if it is aborted, and one more per partition for its marker, so
that a position is not the last offset plus one. Faults are planned: ``faults(transactional_id, n)``
is asked at the nth commit and answers ``abort`` (nothing was committed) or ``lost`` (it was, but
the answer never came).
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from pipeline.io.broker import (
    BATCH_BYTES,
    Aborted,
    Committed,
    Consumer,
    Fenced,
    Start,
    start_of,
)
from pipeline.io.memory_cluster import Cluster
from pipeline.model.stage import Record, Sent, Source


class MemoryConsumer:
    """The only member of its group."""

    def __init__(self, broker: Cluster, group: str, topics: Collection[str]) -> None:
        self.group = group
        self._broker = broker
        self._sources = [Source(t, p) for t in topics for p in range(broker.partitions(t))]
        self._positions: dict[Source, int] = {}
        self._paused: set[Source] = set()
        self._generation = 0

    def reassign(self) -> None:
        """Begin another generation, as a rebalance does."""
        self._generation += 1
        self._positions = {}

    def poll(
        self, max_records: int, timeout_s: float, max_bytes: int = BATCH_BYTES
    ) -> list[Record]:
        """Return what is there; time does not pass."""
        del timeout_s
        if self._broker.group(self.group).member is not self:
            raise Fenced(f"another member of {self.group} took over")
        if self._generation == 0:
            self.reassign()
        reading = sorted(self._positions.keys() - self._paused)
        if any(self._positions[source] < self._broker.log(source).low for source in reading):
            self.reassign()
            return []
        records: list[Record] = []
        for source in reading:
            self._take(source, records, max_records, max_bytes)
        return records

    def _take(self, source: Source, records: list[Record], most: int, max_bytes: int) -> None:
        """Read one partition on, within the limits of the batch."""
        log = self._broker.log(source)
        size = sum(len(r.value or b"") for r in records)
        position = self._positions[source]
        for entry in log.entries[position:]:
            if entry is not None and (len(records) >= most or size >= max_bytes):
                break
            position += 1
            if entry is not None:
                records.append(entry)
                size += len(entry.value or b"")
        self._positions[source] = position

    def assignment(self) -> frozenset[Source]:
        """Return all partitions once they have been assigned."""
        return frozenset(self._sources if self._generation else ())

    def generation(self) -> int:
        """Return how often partitions were assigned."""
        return self._generation

    def rewind(self) -> dict[Source, Start]:
        """Go to the committed positions."""
        committed = self.committed(self.assignment())
        starts = {s: start_of(committed[s], *self.bounds(s)) for s in self.assignment()}
        self._positions = {source: start.offset for source, start in starts.items()}
        return starts

    def position(self, source: Source) -> int:
        """Return the next offset to be read."""
        return self._positions[source]

    def lag(self, source: Source) -> int:
        """Return how many offsets lie ahead."""
        return self._broker.log(source).end - self._positions[source]

    def caught_up(self) -> frozenset[Source]:
        """Return the partitions read to their end."""
        return frozenset(s for s in self._positions if self.lag(s) == 0)

    def committed(self, sources: Collection[Source]) -> dict[Source, Committed]:
        """Return the group's committed positions."""
        known = self._broker.group(self.group).committed
        return {source: known.get(source, Committed(None)) for source in sources}

    def commit(self, offsets: Mapping[Source, Committed]) -> None:
        """Commit positions with metadata."""
        group = self._broker.group(self.group)
        if group.member is not self:
            raise Aborted(f"another member of {self.group} took over")
        group.committed.update(offsets)

    def bounds(self, source: Source) -> tuple[int, int]:
        """Return the low watermark and the end."""
        log = self._broker.log(source)
        return log.low, log.end

    def seek(self, source: Source, offset: int) -> None:
        """Go on reading at this offset."""
        self._positions[source] = offset

    def pause(self, sources: Collection[Source]) -> None:
        """Stop reading these partitions."""
        self._paused |= set(sources)

    def resume(self, sources: Collection[Source]) -> None:
        """Read these partitions again."""
        self._paused -= set(sources)

    def close(self) -> None:
        """Leave the group's committed positions as they are."""


class MemoryProducer:
    """A transactional producer."""

    def __init__(self, broker: Cluster, identity: str) -> None:
        self.identity = identity
        self._broker = broker
        self._sent: list[Sent] = []

    def begin(self) -> None:
        """Start a transaction."""
        self._check()

    def _check(self) -> None:
        """Raise Fenced if another producer took the identity over."""
        if self._broker.owners.get(self.identity) is not self:
            raise Fenced(f"{self.identity} was taken over by another producer")

    def send(self, message: Sent) -> None:
        """Add a message to the transaction."""
        self._broker.log(Source(message.topic, message.partition or 0))
        self._sent.append(message)

    def commit(self, offsets: Mapping[Source, Committed], consumer: Consumer | None) -> None:
        """Commit messages and offsets together."""
        sent, self._sent = self._sent, []
        self._check()
        group = None
        if isinstance(consumer, MemoryConsumer):
            group = self._broker.group(consumer.group)
            if group.member is not consumer:
                self._broker.discard(sent)
                raise Aborted(f"another member of {consumer.group} took over")
        self._broker.settle(self.identity, sent, offsets, group)

    def abort(self) -> None:
        """Give the transaction up."""
        sent, self._sent = self._sent, []
        self._broker.discard(sent)

    def close(self) -> None:
        """End; an open transaction is given up."""
        self.abort()


class MemoryPlainProducer:
    """A producer without transactions; the answer comes at once."""

    def __init__(self, broker: Cluster) -> None:
        self._broker = broker

    def send(self, message: Sent, done: Callable[[str | None], None]) -> None:
        """Append the message."""
        self._broker.put(message)
        done(None)

    def flush(self, timeout_s: float) -> int:
        """Return 0: nothing is ever waiting."""
        del timeout_s
        return 0

    def close(self) -> None:
        """End."""


class MemoryBroker(Cluster):
    """The ``Broker`` of ``io/broker.py``, in memory; one member per group owns all partitions."""

    def consumer(self, group: str, instance: str, topics: Collection[str]) -> MemoryConsumer:
        """Join a group; the newest member fences the one before."""
        del instance
        member = MemoryConsumer(self, group, topics)
        self.group(group).member = member
        return member

    def producer(self, transactional_id: str) -> MemoryProducer:
        """Take over the identity; the former holder is fenced."""
        producer = MemoryProducer(self, transactional_id)
        self.owners[transactional_id] = producer
        return producer

    def plain_producer(self) -> MemoryPlainProducer:
        """Return a producer without transactions."""
        return MemoryPlainProducer(self)

    def ends(self, sources: Collection[Source]) -> dict[Source, int]:
        """Return the high watermarks."""
        return {source: self.log(source).end for source in sources}

    def offset_at(self, source: Source, timestamp_ms: int) -> int:
        """Return the first offset not older than this time, or the end."""
        log = self.log(source)
        times = (r.offset for r in log.read(log.low, log.end) if r.timestamp_ms >= timestamp_ms)
        return next(times, log.end)

    def read(
        self,
        sources: Collection[Source],
        since: Mapping[Source, int],
        until: Mapping[Source, int] | None = None,
    ) -> Iterator[Record]:
        """Read committed records of a range."""
        for source in sources:
            log = self.log(source)
            end = log.end if until is None else min(until.get(source, log.end), log.end)
            first = since.get(source, log.low)
            yield from log.read(first if first >= 0 else max(log.low, end + first), end)

    def follow(self, since: Mapping[Source, int]) -> "MemoryFollower":
        """Read on from these offsets for as long as it is polled."""
        return MemoryFollower(self, since)


class MemoryFollower:
    """A reader that goes on from where it was."""

    def __init__(self, broker: Cluster, since: Mapping[Source, int]) -> None:
        self._broker = broker
        self._positions = dict(since)

    def poll(self, timeout_s: float) -> list[Record]:
        """Return what is there; time does not pass."""
        del timeout_s
        records: list[Record] = []
        for source, position in self._positions.items():
            log = self._broker.log(source)
            records += log.read(position, log.end)
            self._positions[source] = log.end
        return records

    def close(self) -> None:
        """End."""
