"""What the loop does with a stage's outputs, step by step on the broker in memory."""

from collections.abc import Collection, Iterable
from datetime import datetime

import pytest

from pipeline.io.loop import LoopSettings, Worker
from pipeline.io.memory import MemoryBroker
from pipeline.model.stage import Hold, Note, Output, Record, Sent, Source
from pipeline.topology import Row
from tests.broker import MemoryCluster, publish
from tests.toys import Bench, numbered

ONE = Source("in", 0)


class Keeper:
    """A stage that wants each partition to be read again from ``keep`` records back."""

    def __init__(self, keep: int = 2) -> None:
        self._keep = keep
        self.fed: list[tuple[int, int]] = []

    def recall(self, record: Record) -> None:
        """Have no state."""

    def assign(self, positions: dict[Source, int]) -> None:
        """Begin anywhere."""

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Hold the offset behind this record."""
        self.fed.append((record.partition, record.offset))
        yield Hold(record.source, max(record.offset + 1 - self._keep, 0))

    def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
        """Say nothing."""
        return ()


def keeper_worker(cluster: MemoryCluster, made: list[Keeper]) -> Worker:
    """Return a worker whose stages are kept in ``made``."""

    def make() -> Keeper:
        """Make a stage and remember it."""
        made.append(Keeper())
        return made[-1]

    row = Row(name="keeper", engine="loop", reads=("in",), writes=("dead-letters",))
    settings = LoopSettings(max_records=100)
    return Worker(row, 0, make, cluster.broker, cluster.clock, settings)


def turns(worker: Worker, n: int) -> None:
    """Turn n times."""
    for _ in range(n):
        worker.turn()


def test_a_hold_is_committed_instead_of_the_position() -> None:
    """After a restart reading begins at the held offset of each partition."""
    cluster = MemoryCluster()
    cluster.topic("in", 2)
    publish(cluster.broker, [Sent("in", b"x", None, n % 2) for n in range(8)])
    made: list[Keeper] = []
    turns(keeper_worker(cluster, made), 3)

    turns(keeper_worker(cluster, made), 3)

    first, second = made
    assert len(first.fed) == 8
    assert second.fed == [(0, 2), (0, 3), (1, 2), (1, 3)]


def test_a_marker_does_not_carry_a_hold_away() -> None:
    """A held partition stays held while only markers of transactions move its position."""
    cluster = MemoryCluster()
    cluster.topic("in", 2)
    publish(cluster.broker, [Sent("in", b"x", None, 0) for _ in range(4)])
    worker = keeper_worker(cluster, [])
    turns(worker, 3)
    producer = cluster.broker.producer("other")
    producer.begin()
    producer.send(Sent("in", b"gone", None, 0))
    producer.abort()
    publish(cluster.broker, [Sent("in", b"x", None, 1)])

    turns(worker, 2)

    committed = cluster.broker.group("tocsin-keeper").committed
    assert committed[ONE].offset == 2


def test_a_rebalance_builds_the_stage_anew() -> None:
    """A changed assignment throws the stage away; the new one counts on from the recalled state."""
    cluster = MemoryCluster()
    bench = Bench(cluster)
    worker = bench.worker()
    bench.publish(b"a", b"b")
    bench.drain(worker)

    cluster.broker.rebalance(f"tocsin-{bench.row.name}")
    bench.publish(b"c")
    bench.drain(worker)

    assert len(bench.made) == 2
    assert bench.outputs() == numbered([b"a", b"b", b"c"])


def test_own_state_is_recalled_for_assigned_partitions_only() -> None:
    """Of a topic in ``own`` only the assigned numbers are read; another recalled topic whole."""
    cluster = MemoryCluster()
    bench = Bench(cluster, 1)
    cluster.broker.create(bench.state, 3)
    cluster.topic("whole", 2)
    publish(cluster.broker, [Sent(bench.state, b"5", b"k", p) for p in range(3)])
    publish(cluster.broker, [Sent("whole", b"x", b"k", p) for p in range(2)])
    bench.row = Row(
        name="toy",
        engine="loop",
        reads=(bench.topic,),
        writes=(bench.state, bench.out),
        recalls=(bench.state, "whole"),
        own=(bench.state,),
    )
    turns(bench.worker(), 2)

    recalled = [(r.topic, r.partition) for r in bench.made[-1].recalled]
    assert recalled == [(bench.state, 0), ("whole", 0), ("whole", 1)]


def test_another_stages_state_is_followed_while_running() -> None:
    """What another stage writes after the recall is recalled before the next batch."""
    cluster = MemoryCluster()
    bench = Bench(cluster, 1)
    cluster.topic("whole", 2)
    publish(cluster.broker, [Sent("whole", b"old", b"k", 1)])
    bench.row = Row(
        name="toy",
        engine="loop",
        reads=(bench.topic,),
        writes=(bench.state, bench.out),
        recalls=(bench.state, "whole"),
        own=(bench.state,),
    )
    worker = bench.worker()
    turns(worker, 2)
    publish(cluster.broker, [Sent("whole", b"new", b"k", 0)])
    publish(cluster.broker, [Sent(bench.state, b"5", b"k", 0)])
    turns(worker, 2)

    recalled = [record.value for record in bench.made[-1].recalled]
    assert recalled == [b"old", b"new"]


def test_an_unknown_note_ends_the_worker() -> None:
    """A note without a metric is a bug, and no turn hides it."""

    class Noisy(Keeper):
        """A stage that notes what nobody counts."""

        def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
            """Note something unheard of."""
            return (Note("unheard_of"),)

    cluster = MemoryCluster()
    cluster.topic("in")
    row = Row(name="noisy", engine="loop", reads=("in",))
    worker = Worker(row, 0, Noisy, cluster.broker, cluster.clock)
    turns(worker, 2)

    with pytest.raises(KeyError, match="unheard_of"):
        worker.turn()


def test_planned_faults_of_the_memory_broker() -> None:
    """The broker's own faults abort a commit or lose its answer, and the output stays equal."""
    cluster = MemoryCluster()
    broker: MemoryBroker = cluster.broker
    broker.faults = lambda _id, n: ("abort", "lost", "")[n % 3]
    bench = Bench(cluster)
    bench.publish(*(str(n).encode() for n in range(40)))

    bench.drain(bench.worker())

    assert bench.outputs() == numbered(str(n).encode() for n in range(40))
