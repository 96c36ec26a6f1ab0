"""Each override of the adapter on a real broker, and stock Faust beside it where that is cheap.

A test of stock behaviour that fails after an upgrade is good news: an override may go.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.contract.faust.bench import Bench, until


@pytest.fixture
def bench(kafka: str, tmp_path: Path) -> Iterator[Bench]:
    """Give topics of its own to each test, and end its processes."""
    bench = Bench(kafka, tmp_path)
    yield bench
    bench.stop()


def settled(bench: Bench, offset: int) -> None:
    """Wait until this offset is committed."""
    until(lambda: bench.committed() == offset)


@pytest.mark.parametrize("hardened", [True, False])
def test_aborted_records(bench: Bench, *, hardened: bool) -> None:
    """Records of aborted transactions are not counted; stock counts them."""
    bench.transaction(1, 50, commit=True)
    bench.transaction(51, 60, commit=False)
    bench.publish(51, 70)
    toy = bench.start(hardened=hardened)
    until(lambda: 70 in toy.numbers())

    assert len(toy.numbers()) == (70 if hardened else 80)


def test_the_commit_is_the_released_prefix(bench: Bench) -> None:
    """Markers of transactions are no gaps: the commit follows what was released to the end."""
    for first in range(1, 41, 4):
        bench.transaction(first, first + 3, commit=True)
    bench.publish(41, 41)
    toy = bench.start()
    until(lambda: 41 in toy.numbers())

    settled(bench, 40 + 10 + 1)


@pytest.mark.parametrize("hardened", [True, False])
def test_a_record_that_cannot_be_done(bench: Bench, tmp_path: Path, *, hardened: bool) -> None:
    """It ends the process and is read again; stock acks it although the agent raised."""
    bench.publish(1, 5)
    bench.publish(6, 6, name="bad")
    bench.publish(7, 10)
    once = str(tmp_path / "once")
    toy = bench.start(hardened=hardened, bad="bad", once=once)
    if hardened:
        until(toy.ended)

        assert toy.process.returncode == 70

        toy = bench.start(bad="bad", once=once)
    until(lambda: 10 in toy.numbers())
    if hardened:
        settled(bench, 10)

        assert sorted({number for _, number, _ in bench.answers()}) == list(range(1, 11))
    else:
        until(lambda: bench.committed() >= 6)

        assert toy.numbers().count(6) == 1


@pytest.mark.parametrize("hardened", [True, False])
def test_a_row_that_cannot_be_written(bench: Bench, tmp_path: Path, *, hardened: bool) -> None:
    """It ends the process before the offset is committed; stock commits without the row."""
    bench.publish(1, 1)
    once = str(tmp_path / "once")
    toy = bench.start(hardened=hardened, large=True, once=once)
    if hardened:
        until(toy.ended)

        assert toy.process.returncode == 70
        assert bench.committed() < 0

        bench.start(large=True, once=once)
    settled(bench, 1)


def test_the_rows_are_back_before_the_first_record(bench: Bench) -> None:
    """Recovery reads the changelog to its end, then the stage gets its rows, then records."""
    bench.publish(1, 300, name="n{}")
    toy = bench.start()
    until(lambda: 300 in toy.numbers())
    settled(bench, 300)
    toy.kill()
    before = len(toy.said())
    bench.publish(301, 301)
    toy = bench.start()
    until(lambda: 301 in toy.numbers())
    said = toy.said()[before:]

    assert said == [
        {"loaded": 301, "partitions": [0]},
        {"number": 301, "partition": 0},
    ]


def test_a_crashed_app_ends_the_process(bench: Bench) -> None:
    """In library mode a crashed app lives on and does nothing: a watcher ends it."""
    toy = bench.start(crash_after_s=2.5)
    until(toy.ended)

    assert toy.process.returncode == 70


def test_a_partition_without_a_commit_begins_at_its_beginning(bench: Bench) -> None:
    """Killed before the first commit, what was fetched and dropped while recovering comes again."""
    bench.publish(1, 600)
    for _ in range(3):
        toy = bench.start()
        seen = len(toy.numbers())
        until(lambda toy=toy, seen=seen: len(toy.numbers()) > seen)  # type: ignore[misc]
        toy.kill()
    bench.start()
    settled(bench, 600)

    assert sorted({number for _, number, _ in bench.answers()}) == list(range(1, 601))


def test_kill_9_anywhere_counts_every_increment_once(kafka: str, tmp_path: Path) -> None:
    """Killed while it works, over and over: each increment counts once, and answers are equal."""
    bench = Bench(kafka, tmp_path, partitions=2)
    random = Random(4)
    total = 1200
    for partition in range(2):
        bench.publish(1, total, partition=partition)
    try:
        for _ in range(5):
            toy = bench.start()
            wanted = len(toy.numbers()) + random.randrange(100, 600)
            until(lambda toy=toy, wanted=wanted: len(toy.numbers()) > wanted)  # type: ignore[misc]
            toy.kill()
        bench.start()
        until(lambda: bench.committed(0) == bench.committed(1) == total)
    finally:
        bench.stop()
    answers = set(bench.answers())

    assert answers == {(p, n, f"{n} a {n}") for p in range(2) for n in range(1, total + 1)}


def test_a_second_worker_joins_and_the_first_one_dies(kafka: str, tmp_path: Path) -> None:
    """Rebalances move partitions with their rows: each increment counts once, on both workers."""
    bench = Bench(kafka, tmp_path, partitions=4)
    total = 500
    for partition in range(4):
        bench.publish(1, total, partition=partition)
    try:
        first = bench.start()
        until(lambda: len(first.numbers()) > 300)
        bench.start(instance=1)
        until(lambda: any(len(fact.get("partitions", ())) == 2 for fact in first.said()))
        until(lambda: len(first.numbers()) > 900)
        first.kill()
        bench.start()
        until(lambda: all(bench.committed(partition) == total for partition in range(4)))
    finally:
        bench.stop()
    answers = set(bench.answers())

    assert answers == {(p, n, f"{n} a {n}") for p in range(4) for n in range(1, total + 1)}
