"""The adapter's parts without a worker, and the shape of stock Faust that made us avoid it.

A test of stock behaviour that fails after an upgrade is news: read design and adapter again.
"""

import asyncio
import inspect
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust.transport.consumer import Consumer as StockConsumer
from faust.transport.producer import ProducerBuffer
from faust.types import TP
from faust.types.enums import ProcessingGuarantee
from mode import Service

from pipeline.io.faust.options import options
from pipeline.io.faust.transport import Buffer, Consumer, Transport
from pipeline.local.kafka import EmbeddedBroker
from tests.contract.faust.bench import Bench, until

PARTITIONS = 4
MINUTE = 60.0
DOWN_S = 6.0


def an_app(**settings: Any) -> Any:
    """Return an app in library mode, set up as ours and never started."""
    app = faust.App(**{**options("shape", "shape-0", "localhost:1", {}), **settings})
    app.finalize()
    return app


# The producer's buffer


class Channel:
    """A channel whose publishing takes until the gate opens."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.gate = asyncio.Event()
        self.message = self
        self.channel = self

    async def publish_message(self, _message: Any, *, wait: bool) -> None:
        """Publish when the gate is open."""
        assert not wait
        self.reached.set()
        await self.gate.wait()


async def flushed_while_sending(make: Callable[[], Any]) -> bool:
    """Answer whether a flush ends although the only message is just being sent."""
    buffer, message = make(), Channel()
    buffer.app = an_app()
    async with buffer:
        buffer.put(message)
        await message.reached.wait()
        flush = asyncio.create_task(buffer.flush_atmost(None))
        done, _ = await asyncio.wait({flush}, timeout=0.3)
        message.gate.set()
        await asyncio.wait_for(flush, 5)
    return bool(done)


@pytest.mark.parametrize(("make", "early"), [(Buffer, False), (ProducerBuffer, True)])
def test_a_flush_waits_for_the_message_being_sent(make: Callable[[], Any], *, early: bool) -> None:
    """A message taken from the queue and not yet sent counts; stock does not see it."""
    assert asyncio.run(flushed_while_sending(make)) is early


def test_a_flush_of_a_producer_that_does_not_run_fails() -> None:
    """What can no longer be sent is an error, so that nobody commits after it."""

    async def flush() -> None:
        """Flush a message that nobody will send."""
        buffer: Any = Buffer()
        buffer.app = an_app()
        buffer.put(Channel())
        await buffer.flush_atmost(None)

    with pytest.raises(RuntimeError, match="unsent"):
        asyncio.run(flush())


# The seek after recovery


class Thread(Service):
    """Notes which partitions are sought to their beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.rewound: set[TP] = set()

    async def seek_to_beginning(self, *tps: Any) -> None:
        """Take a seek."""
        self.rewound |= {TP(tp.topic, tp.partition) for tp in tps}


class Seeker(Consumer):
    """Our consumer, without a broker: partition 0 has a commit, partition 1 has none."""

    def _new_consumer_thread(self) -> Any:
        """Read nothing."""
        return Thread()

    def assignment(self) -> set[TP]:
        """Return what is assigned."""
        return {TP("in", 0), TP("in", 1), TP("changelog", 0)}

    def _is_changelog_tp(self, tp: TP) -> bool:
        """Answer whether it is the changelog."""
        return tp.topic == "changelog"

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Return the commits; by now nothing may flow."""
        assert not self.flow_active
        assert self.suspend_flow.is_set()
        return {TP("in", 0): 7}


def test_the_flow_is_stopped_before_the_seek() -> None:
    """Nothing flows while seeking; a partition without a commit begins at its beginning."""

    async def seek() -> set[TP]:
        """Seek while everything flows; return what was sought to its beginning."""
        app = an_app()
        transport = Transport(app.conf.broker_consumer, app)
        nothing: Any = asyncio.sleep
        consumer = Seeker(transport, nothing, nothing, nothing)
        consumer.resume_flow()
        await consumer.perform_seek()
        rewound: set[TP] = consumer._thread.rewound  # type: ignore[attr-defined]
        return rewound

    assert asyncio.run(seek()) == {TP("in", 1)}


def test_stock_seeks_while_everything_flows() -> None:
    """Stock's seek does not stop the flow: what the fetcher delivers meanwhile is lost."""
    assert "stop_flow" not in inspect.getsource(StockConsumer.perform_seek)


# Why detect keeps windows by itself


def windows(close: Callable[[Any, Any], None]) -> Any:
    """Return a table of one-minute windows that closes them with this callback."""
    table = an_app().Table("tally", partitions=PARTITIONS, on_window_close=close)
    return table.tumbling(MINUTE, expires=MINUTE).table


def update(table: Any, name: str, partition: int, start: float = MINUTE) -> None:
    """Set a value of the window that begins then, as a record of the partition would."""
    key = (name, (start, start + MINUTE - 0.1))
    table.data[key] = 1
    table._maybe_set_key_ttl(key, partition)


def close(table: Any) -> None:
    """Close what is stale, as the table's cleaner task does."""
    asyncio.run(table._del_old_keys())


def test_stock_closes_a_window_of_one_partition_only() -> None:
    """12 keys of one window in 4 partitions: the callback sees 3, for the mark is per table."""
    closed: list[str] = []
    table = windows(lambda key, _value: closed.append(key[0]))
    for n in range(12):
        update(table, str(n), n % PARTITIONS)
    close(table)

    assert sorted(closed) == ["0", "4", "8"]
    assert not table.data


def test_stock_drops_updates_of_a_closed_window() -> None:
    """A late update of a closed window is popped without a callback."""
    closed: list[str] = []
    table = windows(lambda key, _value: closed.append(key[0]))
    update(table, "in time", 0)
    close(table)
    update(table, "late", 0)
    close(table)

    assert closed == ["in time"]
    assert not table.data


def test_stock_loses_the_window_whose_callback_raises() -> None:
    """The error ends the cleaner, and the window is gone before it."""

    def refuse(_key: Any, _value: Any) -> None:
        """Fail, as a callback may."""
        raise RuntimeError("refused, as planned")

    table = windows(refuse)
    update(table, "a", 0)
    with pytest.raises(RuntimeError, match="as planned"):
        close(table)

    assert not table.data


def test_stock_keeps_an_entry_for_each_update() -> None:
    """100,000 updates of one key in one window are 100,000 entries of the heap."""
    table = windows(lambda _key, _value: None)
    for _ in range(100_000):
        update(table, "a", 0, time.time())

    assert len(table._partition_timestamps[0]) == 100_000


def test_stock_never_closes_a_window_that_was_recovered() -> None:
    """A row of the changelog gets no entry in the heap: without another update it stays."""
    closed: list[str] = []
    table = windows(lambda key, _value: closed.append(key[0]))
    message = SimpleNamespace(key=b"a", value=b"1", partition=0, offset=0)
    row = SimpleNamespace(key=["a", [MINUTE, 2 * MINUTE - 0.1]], value=1, message=message)
    table.apply_changelog_batch([row])
    update(table, "b", 0)
    close(table)

    assert closed == ["b"]
    assert list(table.data) == [("a", (MINUTE, 2 * MINUTE - 0.1))]


def test_stock_writes_no_tombstone_when_it_closes_a_window() -> None:
    """A closed window leaves the store only: its row stays in the changelog, and comes back."""
    table = windows(lambda _key, _value: None)
    sent: list[Any] = []
    table.send_changelog = lambda *args, **_options: sent.append(args)
    update(table, "a", 0)
    close(table)

    assert not table.data
    assert not sent


def test_stock_is_not_exactly_once_in_library_mode() -> None:
    """The setting is taken and does nothing unless Faust's own worker runs the app."""
    app = an_app(processing_guarantee="exactly_once")

    assert app.conf.processing_guarantee == ProcessingGuarantee.EXACTLY_ONCE
    assert not app.in_transaction


# The broker goes away


def test_a_worker_outlives_a_broker_that_is_away(tmp_path: Path) -> None:
    """Away for six seconds and back: the same process goes on, and each increment counts once."""
    broker = EmbeddedBroker(tmp_path / "kafka")
    with ExitStack() as ending:
        ending.callback(broker.stop)
        broker.start()
        broker.wait_ready()
        bench = Bench(broker.bootstrap, tmp_path)
        ending.callback(bench.stop)
        bench.publish(1, 50)
        toy = bench.start()
        # A new broker has no coordinator to ask before a group has joined.
        until(lambda: 50 in toy.numbers())
        until(lambda: bench.committed() == 50)
        broker.kill()
        back = time.monotonic() + DOWN_S
        until(lambda: time.monotonic() > back or toy.ended())
        broker.start()
        broker.wait_ready()
        bench.publish(51, 60)
        until(lambda: 60 in toy.numbers() or toy.ended())
        until(lambda: len(set(bench.answers())) == 60 or toy.ended())

        assert not toy.ended()
        assert set(bench.answers()) == {(0, n, f"{n} a {n}") for n in range(1, 61)}
