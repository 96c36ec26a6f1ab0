"""Workers as processes on a real broker: killed, stopped, asked to end; nothing lost or doubled."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from tests.broker import KafkaCluster, until
from tests.kafka.tally_worker import Order
from tests.toys import Bench, numbered

PARTITIONS = 2


@contextmanager
def process(order: Order) -> Iterator[subprocess.Popen[str]]:
    """Run a worker; it is killed at the end if it still lives."""
    text = msgspec.json.encode(order).decode()
    command = [sys.executable, "-m", "tests.kafka.tally_worker", text]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def order_of(bench: Bench, kafka: str, plan: str = "", ordinal: int = 0) -> Order:
    """Return the order for a bench's topics."""
    return Order(kafka, bench.row.name, bench.topic, bench.out, bench.state, ordinal, plan)


def some(n: int, partition: int) -> list[bytes]:
    """Return n values of a partition."""
    return [f"{partition}-{i}".encode() for i in range(n)]


def filled(kafka: str, n: int) -> Bench:
    """Return a bench with n records in each partition."""
    bench = Bench(KafkaCluster(kafka), PARTITIONS)
    for partition in range(PARTITIONS):
        bench.publish(*some(n, partition), partition=partition)
    return bench


def count(bench: Bench) -> int:
    """Return how many outputs are committed."""
    return sum(len(bench.outputs(p)) for p in range(PARTITIONS))


def assert_exact(bench: Bench, n: int) -> None:
    """Each record of each partition counted once, in order."""
    for partition in range(PARTITIONS):
        assert bench.outputs(partition) == numbered(some(n, partition))


def shares(bench: Bench) -> list[int]:
    """Return how many partitions each member of the bench's group owns."""
    assert isinstance(bench.cluster, KafkaCluster)
    group = f"tocsin-{bench.row.name}"
    found = bench.cluster.admin.describe_consumer_groups([group])[group].result()
    return [len(member.assignment.topic_partitions) for member in found.members]


def test_kill_9_around_commits_counts_each_record_once(kafka: str) -> None:
    """Killed before or after a commit, again and again, a worker counts each record once."""
    bench = filled(kafka, 500)
    lives = 0
    for plan in ("..b", "..f", ".b", ".f", "b", "f", "b"):
        with process(order_of(bench, kafka, plan)) as running:
            assert running.wait(60) == -9
        lives += 1
    with process(order_of(bench, kafka)) as running:
        until(lambda: count(bench) >= 1000)
        running.terminate()
        assert running.wait(15) == 0

    assert lives == 7
    assert_exact(bench, 500)


def test_sigterm_drains_and_loses_nothing(kafka: str) -> None:
    """SIGTERM ends a busy worker within 10 s with code 0, and its successor goes on exactly."""
    bench = filled(kafka, 5000)
    with process(order_of(bench, kafka)) as running:
        until(lambda: count(bench) > 0)
        running.terminate()
        assert running.wait(10) == 0
    done = count(bench)
    with process(order_of(bench, kafka)) as running:
        until(lambda: count(bench) >= 10_000)
        running.terminate()
        assert running.wait(10) == 0

    assert 0 < done < 10_000
    assert_exact(bench, 5000)


def test_a_bug_ends_the_process_and_commits_nothing(kafka: str) -> None:
    """An exception that carries no flow ends the process with 1; its batch leaves no trace."""
    bench = filled(kafka, 10)
    bench.publish(b"bug")
    with process(order_of(bench, kafka)) as running:
        assert running.wait(30) == 1

    assert count(bench) in {0, 10}  # the other partition may have come in a batch of its own


def test_a_zombie_changes_nothing(kafka: str) -> None:
    """A worker stopped beyond its session and then woken writes nothing that counts."""
    bench = filled(kafka, 3000)
    with process(order_of(bench, kafka)) as old:
        until(lambda: count(bench) > 0)
        subprocess.run(["kill", "-STOP", str(old.pid)], check=True)
        with process(order_of(bench, kafka, ordinal=1)) as new:
            until(lambda: count(bench) >= 6000, 90)
            subprocess.run(["kill", "-CONT", str(old.pid)], check=True)
            for partition in range(PARTITIONS):
                bench.publish(*some(6000, partition)[3000:], partition=partition)
            until(lambda: count(bench) >= 12_000, 90)
            new.terminate()
            assert new.wait(15) == 0

    assert_exact(bench, 6000)


def test_two_workers_share_the_partitions_exactly(kafka: str) -> None:
    """A worker that joins takes its share over with its state, and every record counts once."""
    bench = filled(kafka, 500)
    with process(order_of(bench, kafka)) as first:
        until(lambda: count(bench) > 0)
        with process(order_of(bench, kafka, ordinal=1)) as second:
            until(lambda: shares(bench) == [1, 1])
            for partition in range(PARTITIONS):
                bench.publish(*some(1500, partition)[500:], partition=partition)
            until(lambda: count(bench) >= 3000)
            for running in (first, second):
                running.terminate()
                assert running.wait(15) == 0

    assert_exact(bench, 1500)
