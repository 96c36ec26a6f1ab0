"""Toy stages whose output proves exactly once: each partition counts its records."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import cycle

from pipeline.io.broker import Aborted, Broker, Committed, Consumer, Producer
from pipeline.io.loop import LoopSettings, Worker
from pipeline.model.stage import Busy, Note, Output, Record, Sent, Source, Unreadable
from pipeline.topology import Row
from tests.broker import Cluster, everything, opened, publish, until


class Tally:
    """Counts the records of each partition and writes 1, 2, 3 …; the count is its whole state."""

    def __init__(self, out: str, state: str, *, busy: set[bytes] | None = None) -> None:
        self._out = out
        self._state = state
        self._busy = busy or set()
        self.counts: dict[int, int] = {}
        self.recalled: list[Record] = []
        self.positions: dict[Source, int] = {}
        self.caught_up: Collection[Source] = ()

    def recall(self, record: Record) -> None:
        """Take a count, or a record of the input that is read back."""
        self.recalled.append(record)
        if record.topic == self._state:
            self.counts[record.partition] = int(record.value or b"0")

    def assign(self, positions: dict[Source, int]) -> None:
        """Note the positions."""
        self.positions = positions

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Count one record."""
        del now
        if record.value == b"bad":
            raise Unreadable("not_good", "the value is bad: send a good one")
        if record.value == b"bug":
            raise ZeroDivisionError("a bug in the stage")
        if record.value in self._busy:
            raise Busy("waiting for somebody")
        return self._count(record)

    def _count(self, record: Record) -> Iterator[Output]:
        """Write the next number of the partition."""
        n = self.counts[record.partition] = self.counts.get(record.partition, 0) + 1
        text = str(n).encode()
        yield Sent(self._out, record.value, text, record.partition)
        yield Sent(self._state, text, str(record.partition).encode(), record.partition)
        yield Note("outcomes", {"kind": "toy", "outcome": "counted"})

    def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
        """Remember who has caught up."""
        del now
        self.caught_up = caught_up
        return ()


def a_row(name: str, topic: str, out: str, state: str, *, reads_back: bool = False) -> Row:
    """Return the row of a toy stage."""
    return Row(
        name=name,
        engine="loop",
        reads=(topic,),
        writes=(out, state, "dead-letters"),
        recalls=(state,),
        own=(state,),
        reads_back=reads_back,
    )


class FlakyProducer:
    """A producer whose commits fail as planned; see ``Flaky``."""

    def __init__(self, inner: Producer, fault: Callable[[], str]) -> None:
        self._inner = inner
        self._fault = fault
        self.begin, self.send = inner.begin, inner.send
        self.abort, self.close = inner.abort, inner.close

    def commit(self, offsets: Mapping[Source, Committed], consumer: Consumer | None) -> None:
        """Commit, or abort instead, or commit and lose the answer."""
        fault = self._fault()
        if fault == "abort":
            self._inner.abort()
        else:
            self._inner.commit(offsets, consumer)
        if fault:
            raise Aborted(f"planned {fault}")


class Flaky:
    """Any broker, with planned faults: one letter a commit, ``a``bort, ``l``ost answer, ``.``."""

    def __init__(self, inner: Broker, plan: str) -> None:
        self._inner = inner
        self._plan = cycle(plan)
        self.consumer, self.plain_producer = inner.consumer, inner.plain_producer
        self.partitions, self.ends = inner.partitions, inner.ends
        self.offset_at, self.read, self.follow = inner.offset_at, inner.read, inner.follow

    def producer(self, transactional_id: str) -> FlakyProducer:
        """Return a producer whose commits fail as planned."""
        return FlakyProducer(
            self._inner.producer(transactional_id),
            lambda: {"a": "abort", "l": "lost", ".": ""}[next(self._plan)],
        )


class Bench:
    """A tally stage on a broker: its topics, its worker, and the stages that were made."""

    def __init__(self, cluster: Cluster, partitions: int = 1, *, reads_back: bool = False) -> None:
        self.cluster = cluster
        self.topic = cluster.topic("in", partitions)
        self.out = cluster.topic("out", partitions)
        self.state = cluster.topic("state", partitions)
        cluster.topic("dead-letters")
        self.row = a_row(
            f"toy-{self.topic}", self.topic, self.out, self.state, reads_back=reads_back
        )
        self.made: list[Tally] = []
        self.busy: set[bytes] = set()

    def make(self) -> Tally:
        """Make a stage and remember it."""
        self.made.append(Tally(self.out, self.state, busy=self.busy))
        return self.made[-1]

    def worker(
        self, plan: str = ".", settings: LoopSettings | None = None, ordinal: int = 0
    ) -> Worker:
        """Return a worker whose commits fail as planned."""
        return Worker(
            self.row,
            ordinal,
            self.make,
            Flaky(self.cluster.broker, plan),
            self.cluster.clock,
            settings or LoopSettings(max_records=7, poll_s=0.2),
        )

    def publish(self, *values: bytes, partition: int = 0) -> None:
        """Write input."""
        publish(self.cluster.broker, [Sent(self.topic, v, v, partition) for v in values])

    def drain(self, worker: Worker) -> None:
        """Turn until all input has been read and committed."""

        def drained() -> bool:
            """Turn once."""
            idle = worker.turn().outcome == "idle"
            return idle and {s.topic for s in self.made[-1].caught_up} == {self.topic}

        until(drained)

    def outputs(self, partition: int = 0) -> list[tuple[bytes | None, bytes | None]]:
        """Return what was written for a partition: number and value."""
        records = everything(self.cluster.broker, self.out)
        return [(r.key, r.value) for r in records if r.partition == partition]

    def letters(self) -> list[Record]:
        """Return this stage's dead letters."""
        found = everything(self.cluster.broker, "dead-letters")
        return [opened(r) for r in found if r.header("stage") == self.row.name.encode()]


def numbered(values: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Return what a tally writes for these values if each counts exactly once."""
    return [(str(n).encode(), value) for n, value in enumerate(values, 1)]
