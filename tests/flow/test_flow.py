"""The whole topology, from the first event to the last notice, undisturbed and disturbed."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.store.clickhouse import Client
from tests.flow.scenario import Came, run
from tests.flow.topology import Blow
from tests.store.served import Served

WORKERS = ("process", "group", "aggregate", "detect", "alert", "notify-slack", "sink")


@pytest.fixture(scope="module")
def client(store: Served) -> Iterator[Client]:
    """Give a client of the store."""
    client = store.client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def steady(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Came:
    """Give what comes of the incident when nothing goes wrong."""
    return run(client, tmp_path_factory.mktemp("steady"))


def resting(worker: str) -> tuple[str, ...]:
    """Return who may rest: inserts cost most of the time, and are not what is tried here."""
    return () if worker in {"sink", "all"} else ("sink",)


def strikes(worker: str, n: int) -> bool:
    """Answer whether a worker's nth commit fails: every other one, so that each batch is hit.

    The sink needs two commits in a row, and could never get on: its first and third fail of nine,
    which is once before an insert and once behind it.
    """
    return n % 9 in {1, 3} if worker == "sink" else n % 2 == 1


def total(came: Came, table: str, column: str) -> int:
    """Return the sum of a column."""
    return sum(row[column] for row in came.tables[table])


def same(came: Came, steady: Came) -> None:
    """Compare all rows, table by table."""
    for table, expected in steady.tables.items():
        assert came.tables[table] == expected, table


def test_every_event_is_one_row(steady: Came) -> None:
    """C4 Each error that was published is one row, whichever door it took and however often."""
    ids = sorted(row["event_id"].hex for row in steady.tables["events"])

    assert ids == sorted(steady.ledger.scenes)
    assert total(steady, "minutes", "n") == total(steady, "hours", "n") == len(ids)


def test_the_windows_add_up(steady: Came) -> None:
    """C4 The windows' sums are the ledger's: requests, failures, errors, samples."""
    windows = "windows"
    levels = sum(total(steady, windows, f"events_{level}") for level in ("error", "warning"))

    assert total(steady, windows, "requests") == steady.ledger.requests
    assert total(steady, windows, "requests_failed") == steady.ledger.failed
    assert levels == len(steady.ledger.scenes)
    assert total(steady, "resources", "samples") == steady.ledger.samples
    assert {(w["seq"], w["partial"]) for w in steady.tables[windows]} == {(0, False)}


def test_each_scene_is_one_group(steady: Came) -> None:
    """5.6 One fault is one group and one issue, with the rows of all its occurrences."""
    rows = steady.tables["events"]
    groups: dict[str, Counter[bytes]] = {}
    for row in rows:
        scene = steady.ledger.scenes[row["event_id"].hex]
        groups.setdefault(scene, Counter())[row["group_id"]] += 1
    counts = Counter(steady.ledger.scenes.values())
    found = [next(iter(group)) for group in groups.values()]

    assert {scene: list(group.values()) for scene, group in groups.items()} == {
        scene: [n] for scene, n in counts.items()
    }
    assert len(set(found)) == len(groups)
    assert sorted(i["group_id"] for i in steady.tables["issues"]) == sorted(found)


def test_poison_is_one_dead_letter_with_its_place(steady: Came) -> None:
    """C4 What nobody can read is kept once, and says where it lay and why."""
    (letter,) = steady.tables["dead"]
    place = (letter["src_topic"], letter["src_partition"], letter["src_offset"])

    assert place == ("events.raw", *steady.ledger.poison)
    assert (letter["stage"], letter["reason"]) == ("process", "not_json")


def test_the_accounting_balances(steady: Came) -> None:
    """C4 Accepted is stored, aggregated, duplicate or dead-lettered: nothing is unexplained."""
    account = steady.tables["accounting"]
    errors, ledger = len(steady.ledger.scenes), steady.ledger

    assert {row["unexplained"] for row in account} == {0}
    assert total(steady, "accounting", "accepted") == errors + 2 + ledger.requests + ledger.samples
    assert total(steady, "accounting", "stored") == errors
    assert total(steady, "accounting", "duplicate") == 1
    assert total(steady, "accounting", "dead_lettered") == 1


def test_the_incident_is_told_once_and_resolved_once(steady: Came) -> None:
    """C4 High Error Rate fires once and resolves once, and each of its channels hears both."""
    slack: list[Any] = [orjson.loads(body) for body in steady.notices["slack"]]
    pages: list[Any] = [orjson.loads(body) for body in steady.notices["pagerduty"]]
    states = [row["state"] for row in steady.tables["alerts"] if row["seq"]]

    assert [notice["text"] for notice in slack] == [
        "[FIRING] High Error Rate: checkout (production)",
        "[RESOLVED] High Error Rate: checkout (production)",
    ]
    assert [page["event_action"] for page in pages] == ["trigger", "resolve"]
    assert len({page["dedup_key"] for page in pages}) == 1
    assert set(states) == {"firing", "resolved"}
    assert [row["outcome"] for row in steady.tables["attempts"]] == ["sent"] * 4


@pytest.mark.parametrize("worker", [*WORKERS, "all"])
def test_a_crash_in_every_step_changes_nothing(
    worker: str, client: Client, steady: Came, tmp_path: Path
) -> None:
    """R21 A worker that dies again and again between two turns leaves rows and notices equal."""
    came = run(client, tmp_path, crash=worker, resting=resting(worker))

    same(came, steady)
    assert came.notices == steady.notices


@pytest.mark.parametrize("worker", WORKERS)
def test_death_before_a_commit_changes_nothing(
    worker: str, client: Client, steady: Came, tmp_path: Path
) -> None:
    """R21 What died with its work done but not committed is done again, and counts once.

    Only a notice that was answered may come again, the same in every byte.
    """

    def plan(name: str, n: int) -> Blow:
        """Kill the worker at its commits, again and again."""
        return "kill" if name == worker and strikes(name, n) else ""

    came = run(client, tmp_path, plan, resting=resting(worker))

    assert came.blows[worker]
    same(came, steady)
    for channel, bodies in steady.notices.items():
        repeats = 2 if channel == worker.removeprefix("notify-") else 1
        assert list(dict.fromkeys(came.notices[channel])) == bodies
        assert len(came.notices[channel]) <= repeats * len(bodies)


@pytest.mark.parametrize("worker", WORKERS)
def test_an_abort_of_every_batch_changes_nothing(
    worker: str, client: Client, steady: Came, tmp_path: Path
) -> None:
    """C4 Each batch of a loop is aborted once, many of the sink are: all output is equal."""

    def plan(name: str, n: int) -> Blow:
        """Abort each batch at its first commit."""
        return "abort" if name == worker and strikes(name, n) else ""

    came = run(client, tmp_path, plan, resting=resting(worker))

    assert came.blows[worker] > 1
    same(came, steady)
    assert came.notices == steady.notices


def test_lost_answers_change_nothing(client: Client, steady: Came, tmp_path: Path) -> None:
    """C4 Every other commit of every worker takes effect without an answer: nothing is doubled."""
    came = run(
        client, tmp_path, lambda name, n: "lost" if strikes(name, n) else "", resting=("sink",)
    )

    assert set(came.blows) >= set(WORKERS)
    same(came, steady)
    assert came.notices == steady.notices


@pytest.mark.parametrize("seed", range(3))
def test_blows_at_random_change_nothing(
    seed: int, client: Client, steady: Came, tmp_path: Path
) -> None:
    """R21 Aborts, lost answers and deaths of all workers at once still leave all rows equal."""
    rng = random.Random(seed)
    blows: list[Blow] = ["abort", "lost", "kill", "", "", ""]
    came = run(client, tmp_path, lambda _name, _n: rng.choice(blows), resting=("sink",))

    assert came.blows.total() > 50
    same(came, steady)
    assert {name: list(dict.fromkeys(got)) for name, got in came.notices.items()} == steady.notices
