"""Runs a stage on Faust whose state is rows of one table: one record at a time.

For each record: feed; send the messages and wait until the broker has them; write the rows; release
the offset. A worker that dies anywhere between begins again at the last commit, and the numbers in
the rows tell what was done. Whatever is not understood ends the process with 70: the supervisor
starts it again, and nothing is lost by that.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import faust
from faust.sensors.base import Sensor
from faust.types import TP, EventT

from pipeline.detect.stage import Step
from pipeline.io import metrics
from pipeline.io.clock import Clock, SystemClock
from pipeline.io.faust.options import options
from pipeline.io.faust.tables import Rows, partitions_of
from pipeline.io.faust.transport import Consumer, Transport
from pipeline.io.log import logger
from pipeline.io.seal import Seal
from pipeline.model.dead_letter import dead_letter
from pipeline.model.stage import Record, Sent, Source

EXIT = 70
ALIVE_S = 30.0
WATCH_S = 0.5
_log = logger("faust")


def leave(reason: str) -> None:
    """End the process at once: what is not committed is read again."""
    _log.error("leaving with 70", reason=reason)
    os._exit(EXIT)


class _Refused(Sensor):
    """Ends the process when a message was not published: stock only logs it."""

    def __init__(self, leave: Callable[[str], None]) -> None:
        super().__init__()
        self._leave = leave

    def on_send_error(self, producer: Any, exc: BaseException, state: Any) -> None:  # noqa: ARG002
        """Take an error of the producer."""
        self._leave(f"a message was not published: {exc!r}")


class TableStage(Protocol):
    """A stage whose state is rows of one table."""

    def load(self, rows: Iterable[tuple[bytes, bytes]], partitions: Iterable[int]) -> None:
        """Own these partitions, as the rows have them, and no others."""

    def forgive(self, partition: int) -> None:
        """Accept the next gap of a partition."""

    def feed(self, partition: int, value: bytes | None) -> Step:
        """Return what follows from one record."""


class Work(NamedTuple):
    """What a worker runs; ``home`` tells the partition that a row's key belongs to."""

    name: str
    app: str
    topic: str
    table: str
    make_stage: Callable[[], TableStage]
    home: Callable[[bytes], int]


class TableWorker:
    """The stage and the app that runs it."""

    def __init__(
        self,
        work: Work,
        *,
        servers: str,
        instance: int = 0,
        client: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        seal: Seal | None = None,
        leave: Callable[[str], None] = leave,
    ) -> None:
        self._it = work
        self._clock = clock or SystemClock()
        self._seal = seal or Seal()
        self._leave = leave
        self._stage: TableStage | None = None
        self._beat = time.monotonic()
        self._stopping = False
        self.app = faust.App(**options(work.app, f"{work.name}-{instance}", servers, client or {}))
        transport = Transport(self.app.conf.broker_consumer, self.app)
        self.app.transport = self.app.producer_transport = transport
        self.app.sensors.add(_Refused(leave))
        self._rows = Rows(self.app, work.table, work.home, self._recovered)
        self._topic = self.app.topic(work.topic, key_type=bytes, value_type=bytes, allow_empty=True)
        self.app.agent(self._topic, name=work.name)(self._work)
        self.app.finalize()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped."""
        self._consumer.when_revoked = self._revoked
        await self.app.start()
        watcher = asyncio.create_task(self._watch())
        await stop.wait()
        self._stopping = True
        await self.app.stop()
        await watcher

    def ready(self) -> bool:
        """Answer whether partitions are assigned and their rows are back."""
        return self._stage is not None

    def alive(self) -> bool:
        """Answer whether the event loop has turned within 30 s."""
        return time.monotonic() - self._beat < ALIVE_S

    def turn_age_s(self) -> float:
        """Return the seconds since the event loop was seen to turn."""
        return time.monotonic() - self._beat

    @property
    def _consumer(self) -> Consumer:
        """The app's consumer, which is ours."""
        consumer = self.app.consumer
        assert isinstance(consumer, Consumer)
        return consumer

    def _revoked(self) -> None:
        """Drop the engines: what they have seen beyond the last commit comes again."""
        self._stage = None
        metrics.READY.labels(self._it.name).set(0)

    async def _recovered(self) -> None:
        """Build the stage from the rows; Faust would only log what goes wrong here."""
        try:
            await self._build()
        except Exception as raised:  # noqa: BLE001  anything: without its rows it must not go on
            _log.exception("the rows cannot be taken back")
            self._leave(f"recovery failed: {raised!r}")

    async def _build(self) -> None:
        """Own the assigned partitions."""
        began = time.monotonic()
        owned = partitions_of(self.app.consumer.assignment(), self._it.topic)
        self._rows.keep(owned)
        stage = self._it.make_stage()
        rows = list(self._rows.all())
        stage.load(rows, owned)
        for tp, gap in (await self._gaps(owned)).items():
            stage.forgive(tp.partition)
            await self._report(tp, *gap)
        self._stage = stage
        metrics.REBUILT.labels(self._it.name).inc()
        metrics.RECALLED.labels(self._it.name).inc(len(rows))
        metrics.RECALL_SECONDS.labels(self._it.name).set(time.monotonic() - began)
        metrics.READY.labels(self._it.name).set(1)
        _log.info("stage is ready", partitions=len(owned), recalled=len(rows))

    async def _gaps(self, owned: set[int]) -> dict[TP, tuple[int, int]]:
        """Return what retention took before it was read: aiokafka goes on without a word."""
        consumer = self._consumer
        tps = [tp for tp in consumer.assignment() if tp.topic == self._it.topic]
        if not tps or not owned:
            return {}
        lowest = await consumer.earliest_offsets(*tps)
        committed = {tp: await consumer.committed(tp) for tp in tps}
        return {
            tp: (at, lowest[tp])
            for tp, at in committed.items()
            if at is not None and 0 <= at < lowest[tp]
        }

    async def _report(self, tp: TP, first: int, end: int) -> None:
        """Write the audit record of a gap."""
        now = self._clock.now()
        metrics.GAP_RECORDS.labels(self._it.name).inc(end - first)
        _log.error("records were lost to retention", topic=tp.topic, first=first, end=end)
        lost = Record(tp.topic, tp.partition, first, int(now.timestamp() * 1000), None, None)
        text = f"offsets {first} to {end} of {tp.topic}/{tp.partition} are gone"
        await self._send([dead_letter(lost, self._it.name, "gap", text, now, end=end)])

    async def _work(self, stream: Any) -> None:
        """Take one record after the other; stock acks a record although its agent raised."""
        try:
            async for event in stream.noack().events():
                await self._take(event)
        except Exception as raised:  # noqa: BLE001  anything: the record is read again after a restart
            _log.exception("a record was not done")
            self._leave(f"a record was not done: {raised!r}")

    async def _take(self, event: EventT[Any]) -> None:
        """Do one record: messages, rows, release."""
        stage, message = self._stage, event.message
        if stage is None:
            return  # revoked meanwhile; whoever owns the partition reads it
        began = time.monotonic()
        step = stage.feed(message.partition, message.value)
        sent = self._letters(step, event) + step.sent
        await self._send(sent)
        if self._stage is not stage:
            return
        self._rows.write(message.partition, step.writes)
        self._consumer.release(message.tp, message.offset + 1)
        metrics.READ.labels(self._it.name, self._it.topic).inc()
        metrics.BATCH_SECONDS.labels(self._it.name).observe(time.monotonic() - began)
        age_s = self._clock.now().timestamp() - message.timestamp
        metrics.DELAY_SECONDS.labels(self._it.name).observe(max(age_s, 0.0))
        for topic, n in Counter(one.topic for one in sent).items():
            metrics.WRITTEN.labels(self._it.name, topic).inc(n)

    def _letters(self, step: Step, event: EventT[Any]) -> list[Sent]:
        """Return the dead letter of a record that cannot be read."""
        if step.bad is None:
            return []
        metrics.DEAD_LETTERS.labels(self._it.name, step.bad.reason).inc()
        message = event.message
        where = Source(message.topic, message.partition)
        ms = int(message.timestamp * 1000)
        record = Record(*where, message.offset, ms, message.key, message.value)
        return [
            dead_letter(record, self._it.name, step.bad.reason, str(step.bad), self._clock.now())
        ]

    async def _send(self, messages: list[Sent]) -> None:
        """Send messages and wait until the broker has them; raises what went wrong."""
        producer = self.app.producer
        answers = []
        for one in map(self._seal.close, messages):
            # aiokafka refuses what has neither key nor value, as the report of a gap.
            key = b"" if one.key is None and one.value is None else one.key
            headers = list(one.headers) or None
            sent = await producer.send(one.topic, key, one.value, one.partition, None, headers)
            answers.append(sent)
        await asyncio.gather(*answers)

    async def _watch(self) -> None:
        """Notice a crash: in library mode a crashed app lives on and does nothing."""
        while not self._stopping:
            self._beat = time.monotonic()
            if self.app.crashed or self.app.should_stop:
                self._leave(f"Faust has stopped: {self.app.crash_reason!r}")
            self._lag()
            await asyncio.sleep(WATCH_S)

    def _lag(self) -> None:
        """Publish how far each partition is behind."""
        consumer = self._consumer
        for tp in consumer.assignment():
            if tp.topic == self._it.topic:
                behind = (consumer.highwater(tp) or 0) - consumer.released(tp)
                metrics.LAG.labels(self._it.name, self._it.topic, str(tp.partition)).set(
                    max(behind, 0)
                )
