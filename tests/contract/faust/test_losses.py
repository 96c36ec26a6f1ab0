"""What stock Faust loses or doubles while nothing is wrong with the broker, and ours beside it.

A test of stock behaviour that fails after an upgrade is good news: an override may go.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.model.stage import Sent
from tests.broker import publish
from tests.contract.faust.bench import Bench, until

PAUSE_S = 0.003
"""An agent's time for a record: enough that the fetcher is ahead of it."""


@pytest.fixture
def bench(kafka: str, tmp_path: Path) -> Iterator[Bench]:
    """Give topics of its own to each test, and end its processes."""
    bench = Bench(kafka, tmp_path)
    yield bench
    bench.stop()


def skipped_in_a_restart(bench: Bench, *, hardened: bool) -> set[int]:
    """Run a slow toy for 100 records, and stop it in good order; return what it went on without."""
    toy = bench.start(hardened=hardened, pause_s=PAUSE_S)
    wanted = len(toy.numbers()) + 100
    until(lambda: len(toy.numbers()) >= wanted)
    seen = toy.numbers()
    toy.process.terminate()
    until(toy.ended)
    return set(range(1, max(seen) + 1)) - set(seen)


@pytest.mark.parametrize(("hardened", "restarts"), [(True, 3), (False, 40)])
def test_a_restart_with_rows_to_recover(bench: Bench, *, hardened: bool, restarts: int) -> None:
    """Ours skips nothing; now and then a restart of stock skips records.

    After a recovery stock's fetcher runs on while the queues are cleared. What was skipped then is
    not read before the next restart, and there it is older than what was counted.
    """
    bench.publish(1, 20_000, name="n{}")
    skipped = skipped_in_a_restart(bench, hardened=hardened)
    while not skipped and restarts:
        skipped = skipped_in_a_restart(bench, hardened=hardened)
        restarts -= 1

    assert bool(skipped) is not hardened


@pytest.mark.parametrize("take", [0, 20])
def test_stock_loses_what_its_agent_raised_at(bench: Bench, take: int) -> None:
    """The raising ones of 100 are committed all the same; with take(20) also some beside them."""
    raising = {24, 64}
    values = [f"{n} {'bad' if n in raising else 'a'}".encode() for n in range(1, 101)]
    publish(bench.cluster.broker, [Sent(bench.topic, value, None, 0) for value in values])
    toy = bench.start(hardened=False, bad="bad", take=take)
    until(lambda: 1 in toy.numbers())
    until(lambda: bench.committed() == 100)
    toy.kill()
    done = {fact["done"] for fact in toy.said() if "done" in fact}
    lost = set(range(1, 101)) - done

    assert lost >= raising
    assert (lost > raising) is (take > 0)


def test_stock_counts_again_what_it_had_not_committed(bench: Bench) -> None:
    """Killed while it works: rows are ahead of the commit, so that increments count twice."""
    total = 10_000
    bench.publish(1, total)
    for _ in range(3):
        toy = bench.start(hardened=False)
        wanted = len(toy.numbers()) + 1500
        until(lambda toy=toy, wanted=wanted: len(toy.numbers()) > wanted)  # type: ignore[misc]
        toy.kill()
    toy = bench.start(hardened=False)
    until(lambda: toy.said()[-1].get("done") == total)

    assert toy.said()[-1]["count"] > total
