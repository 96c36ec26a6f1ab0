"""The sink: what the topic holds is in the tables once, whatever dies on the way.

R7 Each test compares ``events`` and its three rollups with the records of the topic.
"""

import signal
from collections.abc import Mapping
from pathlib import Path
from random import Random
from threading import Timer
from typing import Any

import msgspec
import pytest

from pipeline.io.broker import Committed, Fenced
from pipeline.io.resources import schemas
from pipeline.model import dead_letter as dead
from pipeline.model.stage import Source
from pipeline.sink.intent import Intent
from pipeline.store.events import TopicMadeAnew
from pipeline.store.migrate import migrate, read_migrations
from tests.store.served import Served
from tests.store.sinking import GROUPED, NOW, Killed, Mortal, Sinking, an_error, die, live, stored

KILLS = 5
SEED = 20261124


def _bad(n: int) -> bytes:
    """Return an event that ClickHouse refuses: its id is no UUID."""
    return msgspec.json.encode(msgspec.structs.replace(an_error(n), event_id="x" * 36))


def _lose(sinking: Sinking, first: int, last: int) -> None:
    """Delete stored rows, and what their rollups counted, behind the sink's back."""
    sinking.client.command(
        f"ALTER TABLE tocsin.events DELETE WHERE src_offset BETWEEN {first} AND {last}",
        settings={"mutations_sync": 1},
    )
    sinking.client.command("TRUNCATE TABLE tocsin.groups_1h")


def test_what_is_read_is_stored_once(store: Served) -> None:
    """R7 Events of two partitions in several batches equal the table and its rollups."""
    sinking = Sinking(store.url, partitions=2, rows=40)
    sinking.publish(range(60))
    sinking.publish(range(60, 100), partition=1)
    sinking.drain(sinking.worker())

    assert sinking.is_exact()
    assert sinking.committed() == (60, "")
    assert sinking.letters() == []


def test_markers_take_offsets_and_no_rows(store: Served) -> None:
    """R7 A batch that ends in the marker of a transaction is committed behind it."""
    sinking = Sinking(store.url)
    sinking.publish(range(3))
    sinking.broker.log(Source(GROUPED, 0)).entries.append(None)
    sinking.drain(sinking.worker())

    assert sinking.is_exact()
    assert sinking.committed() == (4, "")


def test_the_same_batch_twice_is_stored_once(store: Served) -> None:
    """R7 A batch whose answer was lost is sent again and changes nothing."""
    sinking = Sinking(store.url)
    sinking.publish(range(30))
    sinking.drain(sinking.worker())
    sinking.broker.group("tocsin-sink").committed[Source(GROUPED, 0)] = Committed(
        0, Intent(30).encode()
    )
    sinking.drain(sinking.worker())

    assert sinking.is_exact()


def test_a_bad_row_costs_its_neighbours_nothing(store: Served) -> None:
    """R8 A row that ClickHouse refuses, and one that is no row, are dead-lettered with place."""
    sinking = Sinking(store.url)
    sinking.publish(range(5))
    sinking.put(_bad(5))
    sinking.publish([6])
    sinking.put(b"[not, an, object]")
    sinking.put(None)
    sinking.publish(range(9, 12))
    sinking.drain(sinking.worker())
    letters = {
        int(letter.header(dead.SRC_OFFSET) or b"-1"): letter.header(dead.REASON)
        for letter in sinking.letters()
    }

    assert len(stored(sinking.client)["events"]) == 9
    assert sinking.committed() == (12, "")
    assert letters == {5: b"refused_row", 7: b"not_an_object"}


def test_a_bad_row_met_again_after_a_crash_is_buried(store: Served) -> None:
    """R8 The sink dies before it can bury a bad row: its successor buries it and goes on."""
    sinking = Sinking(store.url)
    sinking.publish(range(3))
    sinking.put(_bad(3))
    sinking.publish([4])
    sinking.client.before = die
    with pytest.raises(Killed):
        sinking.drain(sinking.worker())
    sinking.client.before = live
    sinking.drain(sinking.worker())

    assert [row[1] for row in stored(sinking.client)["events"]] == [0, 1, 2, 4]
    assert [letter.header(dead.SRC_OFFSET) for letter in sinking.letters()] == [b"3"]
    assert sinking.committed() == (5, "")


def test_a_bad_row_of_another_table_is_buried_alone(store: Served) -> None:
    """R8 The replacing tables keep the neighbours of a bad row, too."""
    sinking = Sinking(store.url)
    good = msgspec.json.encode({"at": NOW, "service": "a"})
    for value in (b'{"signal_id":"x"}', good, b"7"):
        sinking.put(value, topic="signals")
    sinking.drain(sinking.worker())

    assert [row["service"] for row in sinking.client.rows("SELECT * FROM tocsin.signals")] == ["a"]
    assert [letter.header(dead.SRC_OFFSET) for letter in sinking.letters()] == [b"2", b"0"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_death_of_the_sink_around_an_insert(store: Served, moment: str) -> None:
    """R7 The sink dies between intent and insert, or between insert and commit."""
    sinking = Sinking(store.url)
    sinking.publish(range(20))
    setattr(sinking.client, moment, die)
    with pytest.raises(Killed):
        sinking.drain(sinking.worker())
    assert sinking.committed() == (0, Intent(20).encode())

    setattr(sinking.client, moment, live)
    sinking.publish(range(20, 30))
    sinking.drain(sinking.worker())

    assert sinking.is_exact()
    assert sinking.committed() == (30, "")


def test_a_hole_in_the_store_is_filled(store: Served) -> None:
    """R7 Rows that the store lost after noting their token are inserted again and counted anew."""
    sinking = Sinking(store.url)
    _plant_a_hole(sinking)
    sinking.drain(sinking.worker())

    assert sinking.is_exact()


def _plant_a_hole(sinking: Sinking) -> None:
    """Store a batch, lose a part of it before it is committed, and die."""
    sinking.publish(range(20))

    def lose() -> None:
        """Lose rows, then die."""
        _lose(sinking, 5, 8)
        die()

    sinking.client.after = lose
    with pytest.raises(Killed):
        sinking.drain(sinking.worker())
    sinking.client.after = live


class _Trusting(Mortal):
    """A client that answers that nothing is missing, as if nobody had asked."""

    def rows(self, query: str, parameters: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
        """Claim the whole batch."""
        if "SELECT src_offset" in query:
            return [{"src_offset": n} for n in range(20)]
        return super().rows(query, parameters)


def test_the_token_alone_would_keep_the_hole(store: Served) -> None:
    """R7 Without the comparison by offset the planted hole stays: the test can see one."""
    sinking = Sinking(store.url)
    _plant_a_hole(sinking)
    sinking.client = _Trusting(store.url)
    sinking.drain(sinking.worker())
    offsets = [row[1] for row in stored(Mortal(store.url))["events"]]

    assert offsets == [*range(5), *range(9, 20)]
    assert sinking.committed() == (20, "")


def test_an_older_sink_inserts_nothing_after_its_successor(store: Served) -> None:
    """R7 A worker that another has replaced ends instead of writing."""
    sinking = Sinking(store.url)
    old = sinking.worker()
    sinking.publish(range(10))
    old.turn()
    sinking.drain(sinking.worker())
    with pytest.raises(Fenced):
        sinking.drain(old)

    assert sinking.is_exact()


def test_a_topic_made_anew_stops_with_a_sentence(store: Served) -> None:
    """R7 Offsets of an earlier topic mean nothing: the sink says so and writes nothing."""
    sinking = Sinking(store.url)
    sinking.publish(range(10))
    sinking.drain(sinking.worker())
    sinking.broker.create(GROUPED)
    sinking.publish(range(3))
    with pytest.raises(TopicMadeAnew, match="made anew; empty tocsin"):
        sinking.drain(sinking.worker())


def test_what_retention_took_is_a_gap(store: Served) -> None:
    """R11 Offsets that are gone before they were stored are a dead letter with their range."""
    sinking = Sinking(store.url)
    sinking.publish(range(4))
    sinking.drain(sinking.worker())
    sinking.publish(range(4, 10))
    sinking.broker.trim(Source(GROUPED, 0), 7)
    sinking.drain(sinking.worker())
    (letter,) = sinking.letters()

    assert [row[1] for row in stored(sinking.client)["events"]] == [*range(4), *range(7, 10)]
    assert (letter.header(dead.REASON), letter.header(dead.SRC_OFFSET)) == (b"gap", b"4")
    assert letter.header(dead.SRC_END) == b"7"


@pytest.fixture
def mortal(tmp_path: Path) -> Served:
    """Serve a store of its own, which the test may kill."""
    served = Served(tmp_path)
    served.start()
    migrate(Mortal(served.url), read_migrations(schemas() / "clickhouse"))
    return served


def test_a_store_that_is_away_costs_nothing(mortal: Served) -> None:
    """R12 While ClickHouse is away nothing is dead-lettered; back again, the sink catches up."""
    sinking = Sinking(mortal.url)
    worker = sinking.worker()
    sinking.publish(range(10))
    sinking.drain(worker)
    mortal.end()
    sinking.publish(range(10, 20))
    assert "busy" in {worker.turn().outcome for _ in range(4)}
    mortal.start()
    sinking.drain(worker)
    exact = sinking.is_exact()
    mortal.end()

    assert exact
    assert sinking.letters() == []


def test_kills_of_the_store_lose_and_double_nothing(mortal: Served) -> None:
    """R7 After kill -9 of ClickHouse at random points table and rollups equal the topic."""
    random = Random(SEED)
    sinking = Sinking(mortal.url, rows=400)
    worker = sinking.worker()
    for kill in range(KILLS):
        sinking.publish(range(kill * 2000, kill * 2000 + 2000))
        timer = Timer(random.uniform(0.02, 0.25), mortal.end, [signal.SIGKILL])
        timer.start()
        while timer.is_alive():
            worker.turn()
        timer.join()
        mortal.start()
    sinking.drain(worker)
    exact = sinking.is_exact()
    mortal.end()

    assert exact
    assert sinking.letters() == []
