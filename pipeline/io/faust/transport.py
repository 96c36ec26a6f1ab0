"""Faust's Kafka transport with the defects taken out that lose or double records.

Each override says what the stock version does; the contract tests show both. Set as
``app.transport`` and ``app.producer_transport`` before ``app.finalize()``.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as stock
from faust.transport.producer import ProducerBuffer
from faust.types import TP

ISOLATION = "read_committed"
_TURN_S = 0.1


class ConsumerThread(stock.AIOKafkaConsumerThread):
    """Stock counts the records of aborted transactions."""

    def _create_worker_consumer(self, transport: stock.Transport) -> AIOKafkaConsumer:
        """Make a consumer that reads committed records only."""
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = ISOLATION  # noqa: SLF001  there is no setting for it
        return consumer

    async def committed(self, tp: TP) -> int | None:
        """Return the group's committed offset of a partition."""
        offset: int | None = await self.call_thread(self._ensure_consumer().committed, tp)
        return offset


class Consumer(stock.Consumer):
    """Commits what was released, and nothing else.

    Stock takes each marker of a transaction for a gap in the acked offsets, and a commit passes
    one gap: its lag grows without end.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._thread: ConsumerThread
        self._released: dict[TP, int] = {}
        self.when_revoked: Callable[[], None] = lambda: None

    def release(self, tp: TP, offset: int) -> None:
        """Let the next commit of a partition go up to this offset."""
        self._released[tp] = offset

    def released(self, tp: TP) -> int:
        """Return how far a partition was done: released, or else committed."""
        return self._released.get(tp, self._committed_offset[tp] or 0)

    async def committed(self, tp: TP) -> int | None:
        """Return the group's committed offset of a partition."""
        return await self._thread.committed(tp)

    def _new_consumer_thread(self) -> ConsumerThread:
        """Make the thread that reads."""
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        """Return the partitions of which something was released."""
        return iter([tp for tp in self._released if not topics or {tp, tp.topic} & set(topics)])

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Return the released offsets that are not committed yet."""
        wanted = {tp: self._released[tp] for tp in tps}
        return {tp: at for tp, at in wanted.items() if at > (self._committed_offset[tp] or -1)}

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Keep no list of gaps: with held acks it grows quadratically."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was released: it belongs to an assignment that is over."""
        self.when_revoked()
        self._released.clear()
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """Stop the flow first, and seek partitions without a commit, too.

        After a recovery stock lets the fetcher run on while the queues are cleared: what it
        delivers then is lost, and the last delivered record comes twice. A partition of which
        nothing was committed it leaves wherever the fetcher got to: all before that is lost.
        """
        self.stop_flow()
        await super().perform_seek()
        tps = [tp for tp in self.assignment() if not self._is_changelog_tp(tp)]
        unknown = [tp for tp in tps if not self._read_offset[tp]]
        if unknown:
            await self._thread.seek_to_beginning(*stock.ensure_aiokafka_TPset(unknown))


class Buffer(ProducerBuffer):
    """Stock gives up after 0.1 s, and does not see the message that is just being sent."""

    _busy = False

    async def _send_pending(self, fut: Any) -> None:
        """Send a message, visible to ``flush_atmost`` all the while."""
        self._busy = True
        try:
            await super()._send_pending(fut)
        finally:
            self._busy = False

    async def flush_atmost(self, max_messages: int | None) -> int:  # noqa: ARG002  as stock
        """Wait until everything is sent; ``max_messages`` does not cut it short."""
        sent = 0
        while self.size or self._busy:
            if self.state != "running":
                raise RuntimeError("the producer ends with messages unsent")
            self.message_sent.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.message_sent.wait(), timeout=_TURN_S)
                sent += 1
        return sent


class Producer(stock.Producer):
    """Stock only logs what could not be published, and commits the offset all the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buffer = Buffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app = self.app

    async def flush(self) -> None:
        """Wait until the broker has everything; an error meanwhile ends the process.

        The loop turns once more so that the callbacks of the last answers run: one of them calls
        ``on_send_error``, before the caller goes on to commit.
        """
        await super().flush()
        await asyncio.sleep(0)


class Transport(stock.Transport):
    """The hardened transport."""

    Consumer = Consumer
    Producer = Producer
