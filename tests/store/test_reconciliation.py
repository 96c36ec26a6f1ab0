"""What is settled when offsets, commits or batches are not what the sink left behind."""

import uuid

import msgspec

from pipeline.io.broker import Committed
from pipeline.model import dead_letter as dead
from pipeline.model.stage import Source
from pipeline.sink.intent import Intent, token
from pipeline.store.tables import SETTINGS
from tests.store.served import Served
from tests.store.sinking import GROUPED, Sinking, an_error, stored

SOURCE = Source(GROUPED, 0)
GROUP = "tocsin-sink"


def _insert(sinking: Sinking, offsets: range, name: str) -> None:
    """Insert rows as a sink would that died right afterwards."""
    rows = [
        msgspec.json.encode(an_error(n))[:-1] + b',"src_partition":0,"src_offset":%d}' % n
        for n in offsets
    ]
    settings = {**SETTINGS, "insert_deduplication_token": name}
    sinking.client.insert("tocsin.events", b"\n".join(rows), settings)


def _offsets(sinking: Sinking) -> list[int]:
    """Return the stored offsets."""
    return [row[1] for row in stored(sinking.client)["events"]]


def test_the_same_token_with_other_rows_is_dropped(store: Served) -> None:
    """R7 Why the token names first, last and count: other rows under it would be lost."""
    sinking = Sinking(store.url)
    name = uuid.uuid4().hex  # noqa: TID251  not the token of another test
    _insert(sinking, range(10), name)
    _insert(sinking, range(10, 20), name)

    assert _offsets(sinking) == list(range(10))


def test_a_zombies_late_copy_changes_nothing(store: Served) -> None:
    """R7 A dead sink's INSERT that arrives after its successor has settled is a duplicate."""
    sinking = Sinking(store.url)
    sinking.publish(range(30))
    sinking.broker.group(GROUP).committed[SOURCE] = Committed(0, Intent(30).encode())
    sinking.drain(sinking.worker())
    _insert(sinking, range(30), token(*SOURCE, range(30)))

    assert sinking.is_exact()


def test_a_group_that_was_put_back_doubles_nothing(store: Served) -> None:
    """R7 Offsets reset by an operator: what is stored stays, in whatever batches it came."""
    sinking = Sinking(store.url)
    for first in range(0, 90, 30):
        sinking.publish(range(first, first + 30))
        sinking.drain(sinking.worker())
    sinking.broker.group(GROUP).committed.clear()
    sinking.drain(sinking.worker())

    assert sinking.is_exact()
    assert sinking.committed() == (90, "")


def test_a_hole_below_a_reset_is_filled(store: Served) -> None:
    """R7 Going back over stored offsets brings back rows that were lost long ago."""
    sinking = Sinking(store.url)
    sinking.publish(range(50))
    sinking.drain(sinking.worker())
    sinking.client.command("DELETE FROM tocsin.events WHERE src_offset IN (7, 8)")
    sinking.broker.group(GROUP).committed.clear()
    sinking.drain(sinking.worker())

    assert _offsets(sinking) == list(range(50))


def test_a_batch_whose_beginning_retention_took(store: Served) -> None:
    """R7 Its token cannot be formed any more: the rest is completed by offset."""
    sinking = Sinking(store.url)
    sinking.publish(range(30))
    _insert(sinking, range(20), token(*SOURCE, range(30)))
    sinking.broker.group(GROUP).committed[SOURCE] = Committed(5, Intent(30).encode())
    sinking.broker.trim(SOURCE, 10)
    sinking.drain(sinking.worker())
    (letter,) = sinking.letters()

    assert _offsets(sinking) == list(range(30))
    assert (letter.header(dead.SRC_OFFSET), letter.header(dead.SRC_END)) == (b"5", b"10")


def test_more_bad_rows_than_an_intent_can_name(store: Served) -> None:
    """R5 Kafka's metadata is short: the batch is split until its bad rows fit."""
    sinking = Sinking(store.url)
    for n in range(1200):
        if n % 2:
            sinking.put(b"no")
        else:
            sinking.publish([n])
    sinking.drain(sinking.worker())
    buried = {letter.header(dead.SRC_OFFSET) for letter in sinking.letters()}

    assert _offsets(sinking) == list(range(0, 1200, 2))
    assert buried == {b"%d" % n for n in range(1, 1200, 2)}


def test_an_intent_of_an_earlier_topic_is_forgotten(store: Served) -> None:
    """R7 An intent beyond the end of an emptied topic names a batch that is nowhere."""
    sinking = Sinking(store.url)
    sinking.publish(range(5))
    sinking.broker.group(GROUP).committed[SOURCE] = Committed(100, Intent(140).encode())
    sinking.drain(sinking.worker())

    assert sinking.is_exact()


def test_a_rebalance_doubles_nothing(store: Served) -> None:
    """R7 What waited is read again by whoever gets the partition."""
    sinking = Sinking(store.url)
    worker = sinking.worker()
    for first in range(0, 50, 10):
        sinking.publish(range(first, first + 10))
        worker.turn()
        sinking.broker.rebalance(GROUP)
    sinking.drain(worker)

    assert sinking.is_exact()
