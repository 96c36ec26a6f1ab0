"""The loop's promises, on the broker in memory and on Kafka, with a stage that counts."""

import pytest

from pipeline.io.loop import LoopSettings
from pipeline.io.recall import Horizon
from pipeline.model.stage import Source
from tests.broker import Cluster, until
from tests.toys import Bench, numbered


def values(n: int) -> list[bytes]:
    """Return n values."""
    return [f"v{i}".encode() for i in range(n)]


@pytest.mark.parametrize("plan", ["a.", "l.", "al.", "aal."])
def test_an_abort_of_every_batch_leaves_equal_output(cluster: Cluster, plan: str) -> None:
    """2.4 Each batch aborted, or its answer lost, before it passes: every record counts once."""
    bench = Bench(cluster, 2)
    bench.publish(*values(30), partition=0)
    bench.publish(*values(20), partition=1)
    worker = bench.worker(plan)

    bench.drain(worker)
    worker.close()

    assert bench.outputs(0) == numbered(values(30))
    assert bench.outputs(1) == numbered(values(20))
    assert len(bench.made) > 4


def test_a_restart_goes_on_where_it_was(cluster: Cluster) -> None:
    """A worker that ends between two turns leaves nothing behind that its successor misses."""
    bench = Bench(cluster)
    bench.publish(*values(10))
    first = bench.worker()
    bench.drain(first)
    first.close()
    bench.publish(*values(15))
    second = bench.worker()

    bench.drain(second)
    second.close()

    assert bench.outputs() == numbered(values(10) + values(15))


def test_bad_records_go_to_dead_letters_and_neighbours_pass(cluster: Cluster) -> None:
    """An unreadable record costs its neighbours nothing and is kept byte by byte, once."""
    bench = Bench(cluster)
    bench.publish(b"a", b"bad", b"b", b"bad", b"c")
    worker = bench.worker("a.")

    bench.drain(worker)
    worker.close()

    assert bench.outputs() == numbered([b"a", b"b", b"c"])
    assert [(r.value, r.header("offset"), r.header("reason")) for r in bench.letters()] == [
        (b"bad", b"1", b"not_good"),
        (b"bad", b"3", b"not_good"),
    ]


def test_what_retention_took_is_one_audit_record(cluster: Cluster) -> None:
    """A gap in the input is written to dead-letters with its exact range, and the loop goes on."""
    bench = Bench(cluster)
    bench.publish(*values(10))
    first = bench.worker()
    bench.drain(first)
    first.close()
    bench.publish(*values(10))
    cluster.trim(Source(bench.topic, 0), 16)
    second = bench.worker("a.")

    bench.drain(second)
    second.close()

    (letter,) = bench.letters()
    assert (letter.header("reason"), letter.header("offset"), letter.header("end")) == (
        b"gap",
        b"10",
        b"16",
    )
    assert bench.outputs() == numbered(values(10) + values(10)[6:])


def test_a_busy_dependency_pauses_and_loses_nothing(cluster: Cluster) -> None:
    """While a dependency is away the same record is offered again, and nothing is dead-lettered."""
    bench = Bench(cluster)
    bench.publish(b"a", b"wait", b"b")
    bench.busy.add(b"wait")
    worker = bench.worker()
    until(lambda: worker.turn().outcome == "busy")
    again = worker.turn()
    assert bench.outputs() == numbered([b"a"])
    bench.busy.clear()

    bench.drain(worker)
    worker.close()

    assert again == ("busy", 0)
    assert bench.outputs() == numbered([b"a", b"wait", b"b"])
    assert bench.letters() == []


def test_older_input_is_read_back_within_the_horizon(cluster: Cluster) -> None:
    """Input below the committed offset is recalled as far as the horizon reaches, none above it."""
    bench = Bench(cluster, reads_back=True)
    bench.publish(*values(10))
    first = bench.worker()
    bench.drain(first)
    first.close()
    bench.publish(b"new")
    second = bench.worker(settings=LoopSettings(poll_s=0.2, horizon=Horizon(records=4)))

    bench.drain(second)
    second.close()

    recalled = [r.offset for r in bench.made[-1].recalled if r.topic == bench.topic]
    assert recalled == [6, 7, 8, 9]
    assert bench.made[-1].positions == {Source(bench.topic, 0): 10}


def test_an_idle_turn_writes_nothing(cluster: Cluster) -> None:
    """A turn without records and outputs ticks the stage and commits nothing."""
    bench = Bench(cluster)
    bench.publish(b"a")
    worker = bench.worker()
    bench.drain(worker)
    source = Source(bench.out, 0)
    before = cluster.broker.ends([source])

    turns = [worker.turn().outcome for _ in range(3)]
    worker.close()

    assert turns == ["idle"] * 3
    assert cluster.broker.ends([source]) == before
    assert bench.made[-1].caught_up == {Source(bench.topic, 0)}


def test_ready_means_assigned_and_recalled(cluster: Cluster) -> None:
    """A worker is ready only once its partitions are assigned and its state is recalled."""
    bench = Bench(cluster)
    worker = bench.worker()
    assert not worker.ready()

    until(lambda: worker.turn().outcome == "rebuilt")

    assert worker.ready()
    assert worker.alive()
    worker.close()
