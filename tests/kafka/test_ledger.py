"""Nothing is lost and nothing counted twice while everything is killed once."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import pytest

from pipeline.io.seal import Seal
from pipeline.local.demo import CHANNELS, options
from pipeline.local.receiver import Notice, Receiver
from tests.kafka.ledger import WINDOW_S, Feeder, Found, Ledger, read_committed
from tests.kafka.stack import Stack, wait_until

EVENTS = 50_000
RATE = 500
VICTIMS = (
    "process",
    "group",
    "aggregate",
    "detect",
    "alert",
    "notify",
    "sink",
    "gateway",
    "api",
    "kafka",
    "store",
)


OUTAGE = range(8_000, 20_000)


def _feed(feeder: Feeder, count: int) -> None:
    """Publish at a steady rate, with an outage of one service in it."""
    start = time.monotonic()
    for number in range(count):
        feeder.outage = number in OUTAGE
        feeder.produce(number)
        ahead = number / RATE - (time.monotonic() - start)
        if ahead > 0:
            time.sleep(ahead)
    feeder.flush()


def _kill(stack: Stack, stage: str) -> None:
    """Kill one process and wait for the next to be ready."""
    pid = stack.pid(stage)
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: stack.pid(stage) != pid and stack.is_ready(),
        within_s=90,
        what=f"{stage} back after kill -9",
    )


def _totals(stack: Stack) -> dict[str, int]:
    """Return what is stored of each kind; a repeat by HTTP may be accepted more than once."""
    asked = {
        "errors": "SELECT count() AS n FROM tocsin.events",
        "requests": "SELECT sum(requests) AS n FROM tocsin.service_metrics FINAL",
        "dead": "SELECT count() AS n FROM tocsin.dead_letters FINAL",
        "fresh": "SELECT sumIf(quantity, outcome = 'accepted')"
        " - sumIf(quantity, outcome = 'duplicate') AS n FROM tocsin.outcomes FINAL",
    }
    return {name: int(stack.sql(query)[0]["n"]) for name, query in asked.items()}


class Run(NamedTuple):
    """What the tests look at when everything has come to rest."""

    stack: Stack
    ledger: Ledger
    notices: list[Notice]

    def found(self, topic: str) -> list[Found]:
        """Return the committed records of a topic."""
        return list(read_committed(self.stack.endpoints["bootstrap_servers"], topic))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Publish 50,000 events while every stage, the broker and the store are killed once each."""
    seed = int(os.environ.get("TOCSIN_TEST_SEED", "11"))
    print(f"seed {seed}")
    folder = tmp_path_factory.mktemp("ledger")
    with Receiver() as receiver:
        stack = Stack(folder / "data", options(folder, receiver).environment)
        stack.up()
        try:
            ends = stack.endpoints
            feeder = Feeder(
                ends["bootstrap_servers"], ends["gateway_url"], ends["ingest_key"], seed
            )
            victims = list(VICTIMS)
            random.Random(seed).shuffle(victims)
            producing = threading.Thread(target=_feed, args=(feeder, EVENTS))
            producing.start()
            for stage in victims:
                _kill(stack, stage)
            producing.join()
            ledger = feeder.ledger
            goal = {
                "errors": len(ledger.errors),
                "requests": ledger.requests.total(),
                "dead": ledger.poison,
                "fresh": ledger.acknowledged - ledger.duplicates,
            }
            wait_until(lambda: _totals(stack) == goal, within_s=240, what=f"totals reach {goal}")
            wait_until(
                lambda: _told(receiver.notices) == TOLD, within_s=120, what="alert and its end"
            )
            yield Run(stack, ledger, receiver.notices)
        finally:
            stack.down()


TOLD = {(channel, status) for channel in CHANNELS for status in ("firing", "resolved")}


def _told(notices: list[Notice]) -> set[tuple[str, str]]:
    """Return who was told what."""
    return {(notice.channel, notice.status) for notice in list(notices)}


def test_the_ledger_is_whole(run: Run) -> None:
    """R3 The idempotent feeder lost nothing itself, so that the ledger is a measure."""
    assert run.ledger.lost == []
    assert run.ledger.acknowledged == EVENTS


def test_every_error_is_grouped_and_stored_once(run: Run) -> None:
    """C4 The ids on events.grouped and the rows in ClickHouse are the ledger's, each once."""
    grouped = Counter(
        found.json()["event_id"].replace("-", "") for found in run.found("events.grouped")
    )
    stored = Counter(
        row["id"].replace("-", "")
        for row in run.stack.sql("SELECT toString(event_id) AS id FROM tocsin.events")
    )
    expected = Counter(dict.fromkeys(run.ledger.errors, 1))

    assert grouped == expected
    assert stored == expected


@pytest.mark.parametrize("table", ["events_1m", "groups_1h", "stored_1h"])
def test_the_rollups_equal_the_rows(run: Run, table: str) -> None:
    """R7 Each rollup counts every row once, through the death of sink and store."""
    total = run.stack.sql(f"SELECT sum(count) AS n FROM tocsin.{table}")[0]["n"]

    assert int(total) == len(run.ledger.errors)


def test_the_windows_equal_the_ledger(run: Run) -> None:
    """C4 Requests and failures per service and window are the ledger's, corrections included."""
    rows = run.stack.sql(
        "SELECT service, environment, toUnixTimestamp(window_start) AS start,"
        " sum(requests) AS n, sum(requests_failed) AS failed"
        " FROM tocsin.service_metrics FINAL GROUP BY ALL HAVING n > 0"
    )
    found = {(r["service"], r["environment"], int(r["start"])): int(r["n"]) for r in rows}
    failed = {(r["service"], r["environment"], int(r["start"])): int(r["failed"]) for r in rows}

    assert found == dict(run.ledger.requests)
    assert failed == dict(run.ledger.failed)
    assert all(start % WINDOW_S == 0 for _, _, start in found)


def test_frames_cover_each_offset_once(run: Run) -> None:
    """C4 The offsets that frames claim of one source never overlap."""
    claims: dict[tuple[int, str, int], list[tuple[int, int]]] = {}
    for found in run.found("frames"):
        _, stage, _, sources, _ = msgspec.msgpack.decode(found.value)
        for source, (first, last, _) in sources.items():
            if first <= last:
                claims.setdefault((found.partition, stage, source), []).append((first, last))

    assert claims
    for ranges in claims.values():
        assert all(before[1] < after[0] for before, after in pairwise(sorted(ranges)))


IDENTITY: dict[str, Callable[[Any], Any]] = {
    "events.novel": lambda body: body["row"]["event_id"],
    "groups": lambda body: (
        ("decision", body["fingerprint"], body["seq"])
        if body["record"] == "decision"
        else ("issue", body["group_id"], body["version"])
    ),
    "alerts": lambda body: (body["alert_id"], body["seq"]),
    "notifications": lambda body: body["notification_id"],
}


@pytest.mark.parametrize("topic", IDENTITY)
def test_exactly_once_topics_hold_no_repeat(run: Run, topic: str) -> None:
    """C4 Novel events, decisions, transitions and notifications were each written once."""
    names = [
        IDENTITY[topic](found.json())
        for found in run.found(topic)
        if found.value and "mark" not in found.headers
    ]

    assert names
    assert len(names) == len(set(names))


def test_windows_are_numbered_without_gaps(run: Run) -> None:
    """C4 The records of windows are 1, 2, 3 … per partition: none lost, none repeated."""
    numbers: dict[int, list[int]] = {}
    for found in run.found("windows"):
        numbers.setdefault(found.partition, []).append(found.json()["number"])

    assert numbers
    assert all(seen == list(range(1, len(seen) + 1)) for seen in numbers.values())


@pytest.mark.parametrize("topic", ["metrics", "signals"])
def test_a_repeat_of_detect_is_the_same_record(run: Run, topic: str) -> None:
    """6.9 What detect writes twice has the same identity and the same value."""
    values: dict[Any, set[bytes]] = {}
    for found in run.found(topic):
        body = found.json()
        name = body.get("signal_id") or (body["service"], body["environment"], body["number"])
        values.setdefault(name, set()).add(found.value)

    assert values
    assert all(len(seen) == 1 for seen in values.values())


def test_poison_is_dead_lettered_once_with_its_bytes(run: Run) -> None:
    """R8 Each unreadable record lies in dead-letters once, with place and reason."""
    letters = run.found("dead-letters")
    places = Counter(
        (found.headers["topic"], found.headers["partition"], found.headers["offset"])
        for found in letters
    )

    seal = Seal(bytes.fromhex((run.stack.data / "dead-letters.key").read_text()))
    originals = [
        seal.open(found.value, tuple((k, v.encode()) for k, v in found.headers.items()))
        for found in letters
    ]

    assert {original.value for original in originals} == {b'{"service": "shop", "mess'}
    assert not any(b"mess" in found.value for found in letters)
    assert {found.headers["stage"] for found in letters} == {"process"}
    assert places.total() == run.ledger.poison
    assert set(places.values()) == {1}


def test_every_notification_was_delivered_under_its_id(run: Run) -> None:
    """A1 What the webhook got are the ids on the topic: none missing, a repeat the same id."""
    wanted = {
        body["notification_id"]
        for body in (found.json() for found in run.found("notifications"))
        if body["channel"] == "webhook"
    }
    delivered = {n.headers["webhook-id"] for n in run.notices if n.channel == "webhook"}
    logged = {
        body["notification_id"]
        for body in (found.json() for found in run.found("notifications.log"))
        if body["channel"] == "webhook" and body["outcome"] == "sent"
    }

    assert wanted
    assert delivered == wanted
    assert logged == wanted


def test_the_accounting_balances(run: Run) -> None:
    """N12 accepted = stored + aggregated + duplicate + dead-lettered, to the last event."""
    row = run.stack.sql(
        "SELECT sum(accepted) AS accepted, sum(stored) AS stored, sum(aggregated) AS aggregated,"
        " sum(duplicate) AS duplicate, sum(dead_lettered) AS dead_lettered,"
        " sum(unexplained) AS unexplained FROM tocsin.accounting"
    )[0]
    balance = {name: int(value) for name, value in row.items()}
    ledger = run.ledger
    repeats = balance["duplicate"] - ledger.duplicates

    assert repeats >= 0
    assert balance == {
        "accepted": EVENTS + repeats,
        "stored": len(ledger.errors),
        "aggregated": ledger.requests.total() + ledger.resources,
        "duplicate": ledger.duplicates + repeats,
        "dead_lettered": ledger.poison,
        "unexplained": 0,
    }
