"""Runs one stage: poll, feed, tick, and one Kafka transaction per micro-batch.

A turn either commits a whole batch (outputs, dead letters and offsets together) or nothing. After
an abort, a rebalance or a broker that went away the stage is thrown away and built anew from its
recalled state: Kafka rolls back, Python does not.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from pipeline.io import metrics
from pipeline.io.broker import BATCH_BYTES, Aborted, Away, Broker, Committed
from pipeline.io.clock import Clock
from pipeline.io.log import logger
from pipeline.io.recall import Following, Horizon, Work, recall
from pipeline.model.dead_letter import REASON, dead_letter
from pipeline.model.dead_letter import TOPIC as DEAD_LETTERS
from pipeline.model.stage import (
    Busy,
    Hold,
    Note,
    Output,
    Record,
    Sent,
    Source,
    Stage,
    Unreadable,
)

Outcome = Literal["joining", "rebuilt", "idle", "committed", "aborted", "busy", "away"]
ALIVE_S = 30.0
_log = logger("loop")


class Turn(NamedTuple):
    """What one turn did."""

    outcome: Outcome
    records: int = 0


class LoopSettings(BaseModel):
    """What can be set of every loop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_records: int = Field(default=10_000, description="records that make a batch full")
    max_bytes: int = Field(default=BATCH_BYTES, description="bytes that make a batch full")
    poll_s: float = Field(default=0.25, description="a batch is collected for this long")
    horizon: Horizon = Horizon()


class Worker:
    """One instance of one stage; ``turn`` it until it is to end, then ``close`` it."""

    def __init__(
        self,
        work: Work,
        ordinal: int,
        make_stage: Callable[[], Stage],
        broker: Broker,
        clock: Clock,
        settings: LoopSettings | None = None,
        busy: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.work = work
        self._make_stage = make_stage
        self._broker = broker
        self._clock = clock
        self._settings = settings or LoopSettings()
        self._busy = busy
        identity = f"{work.name}-{ordinal}"
        self._producer = broker.producer(f"tocsin-{identity}")
        self._consumer = broker.consumer(f"tocsin-{work.name}", identity, work.reads)
        self._stage: Stage | None = None
        self._following = Following(work, broker)
        self._generation = 0
        self._held: list[Record] = []
        self._letters: list[Sent] = []
        self._committed: dict[Source, Committed] = {}
        self._turned = time.monotonic()

    def turn(self) -> Turn:
        """Do one micro-batch; raises Fenced or a bug, after which the process has to end."""
        try:
            turn = self._turn()
        except Aborted as raised:
            _log.warning("batch aborted; building the stage anew", reason=str(raised))
            turn = self._forget("aborted")
        except Away as raised:
            _log.warning("the broker is away", reason=str(raised))
            turn = self._forget("away")
        metrics.BATCHES.labels(self.work.name, turn.outcome).inc()
        self._turned = time.monotonic()
        return turn

    def alive(self) -> bool:
        """Answer whether the loop has turned within 30 s."""
        return self.turn_age_s() < ALIVE_S

    def turn_age_s(self) -> float:
        """Return the seconds since the last turn."""
        return time.monotonic() - self._turned

    def ready(self) -> bool:
        """Answer whether partitions are assigned and the state is recalled."""
        return self._stage is not None

    def close(self) -> None:
        """End between two turns: nothing is open then."""
        self._following.close()
        self._producer.close()
        self._consumer.close()

    def _turn(self) -> Turn:
        """Rebuild if needed, else do a batch."""
        if self._stage is None and self._consumer.assignment():
            return self._rebuild()
        with self._busy():
            records = self._poll()
        if self._consumer.generation() != self._generation:
            return self._forget("joining")
        if self._stage is None:
            return Turn("joining")
        self._following.feed(self._stage)
        return self._batch(self._stage, records)

    def _poll(self) -> list[Record]:
        """Return what a busy dependency held back, else what has arrived."""
        s = self._settings
        if not self._held:
            return self._consumer.poll(s.max_records, s.poll_s, s.max_bytes)
        self._consumer.poll(1, 0.0)  # paused: this only keeps the membership
        held, self._held = self._held, []
        self._consumer.resume(self._consumer.assignment())
        return held

    def _forget(self, outcome: Outcome) -> Turn:
        """Throw the stage away."""
        self._stage = None
        self._held = []
        self._generation = self._consumer.generation()
        metrics.READY.labels(self.work.name).set(0)
        return Turn(outcome)

    def _rebuild(self) -> Turn:
        """Settle what is open, go to the committed offsets, recall, and begin."""
        began = time.monotonic()
        self._generation = self._consumer.generation()
        self._producer.abort()
        starts = self._consumer.rewind()
        now = self._clock.now()
        stage = self._make_stage()
        self._following.begin()
        n = recall(self.work, stage, self._broker, starts, self._settings.horizon, now)
        stage.assign({source: start.offset for source, start in starts.items()})
        self._letters = [
            self._gap(source, start.gap, now) for source, start in starts.items() if start.gap
        ]
        self._committed = {s: Committed(at.offset, at.metadata) for s, at in starts.items()}
        self._stage = stage
        name = self.work.name
        metrics.REBUILT.labels(name).inc()
        metrics.RECALLED.labels(name).inc(n)
        metrics.RECALL_SECONDS.labels(name).set(time.monotonic() - began)
        metrics.READY.labels(name).set(1)
        _log.info("stage is ready", partitions=len(starts), recalled=n)
        return Turn("rebuilt")

    def _gap(self, source: Source, gap: tuple[int, int], now: datetime) -> Sent:
        """Return the audit record of what retention took before it was read."""
        first, end = gap
        metrics.GAP_RECORDS.labels(self.work.name).inc(end - first)
        _log.error("records were lost to retention", topic=source.topic, first=first, end=end)
        lost = Record(*source, first, int(now.timestamp() * 1000), None, None)
        text = f"offsets {first} to {end} of {source.topic}/{source.partition} are gone"
        return dead_letter(lost, self.work.name, "gap", text, now, end=end)

    def _batch(self, stage: Stage, records: list[Record]) -> Turn:
        """Feed, tick and commit."""
        began = time.monotonic()
        now = self._clock.now()
        outputs, rest = self._feed(stage, records, now)
        behind = {record.source for record in rest}
        outputs += stage.tick(now, self._consumer.caught_up() - behind)
        sent = self._letters + [output for output in outputs if isinstance(output, Sent)]
        fed = records[: len(records) - len(rest)]
        offsets = self._offsets(outputs, fed, rest)
        if sent or (fed and offsets):
            with self._busy():
                self._commit(sent, offsets)
        self._letters = []
        self._hold_back(rest)
        self._count(outputs, sent, fed, now, time.monotonic() - began)
        if rest:
            return Turn("busy", len(fed))
        return Turn("committed" if fed or sent else "idle", len(fed))

    def _feed(
        self, stage: Stage, records: list[Record], now: datetime
    ) -> tuple[list[Output], list[Record]]:
        """Return what followed from the records, and those that have to wait."""
        outputs: list[Output] = []
        for n, record in enumerate(records):
            try:
                outputs += stage.feed(record, now)
            except Unreadable as bad:
                outputs.append(dead_letter(record, self.work.name, bad.reason, str(bad), now))
            except Busy as busy:
                _log.warning("a dependency is away", reason=str(busy))
                return outputs, records[n:]
            except Exception as bug:
                bug.add_note(f"fed {record.topic}/{record.partition} at {record.offset}")
                raise
        return outputs, []

    def _hold_back(self, rest: list[Record]) -> None:
        """Keep what has to wait and stop fetching more."""
        if rest:
            self._held = rest
            self._consumer.pause(self._consumer.assignment())

    def _offsets(
        self, outputs: Iterable[Output], fed: list[Record], rest: list[Record]
    ) -> dict[Source, Committed]:
        """Return the offsets to commit: positions, but holds and what has to wait go first.

        A partition that was held stays held while nothing is read from it: the position moves on
        over markers, and must not carry the commit with it.
        """
        last = {(record.topic, record.partition): record for record in fed}
        times = {record.source: str(record.timestamp_ms) for record in last.values()}
        holds = {o.source: o.offset for o in outputs if isinstance(o, Hold)}
        waiting: dict[Source, int] = {}
        for record in rest:
            waiting.setdefault(record.source, record.offset)
        offsets = {}
        for source in times.keys() | holds.keys():
            at = waiting.get(source, self._consumer.position(source))
            metadata = times.get(source, self._committed[source].metadata)
            found = Committed(min(holds.get(source, at), at), metadata)
            if found.offset != self._committed[source].offset:
                offsets[source] = found
        return offsets

    def _commit(self, sent: list[Sent], offsets: dict[Source, Committed]) -> None:
        """Write a batch in one transaction."""
        self._producer.begin()
        for message in sent:
            self._producer.send(message)
        self._producer.commit(offsets, self._consumer)
        self._committed.update(offsets)

    def _count(
        self,
        outputs: Iterable[Output],
        sent: list[Sent],
        fed: list[Record],
        now: datetime,
        took_s: float,
    ) -> None:
        """Turn what was committed into metrics and log lines."""
        name = self.work.name
        for topic, n in Counter(record.topic for record in fed).items():
            metrics.READ.labels(name, topic).inc(n)
        for topic, n in Counter(message.topic for message in sent).items():
            metrics.WRITTEN.labels(name, topic).inc(n)
        for reason, n in Counter(reason_of(m) for m in sent if m.topic == DEAD_LETTERS).items():
            metrics.DEAD_LETTERS.labels(name, reason).inc(n)
            _log.warning("dead letters", reason=reason, n=n)
        for source in self._consumer.assignment():
            lag = metrics.LAG.labels(name, source.topic, str(source.partition))
            lag.set(self._consumer.lag(source))
        if fed:
            metrics.BATCH_SECONDS.labels(name).observe(took_s)
            newest = max(record.timestamp_ms for record in fed) / 1000
            metrics.DELAY_SECONDS.labels(name).observe(max(now.timestamp() - newest, 0.0))
        for note in outputs:
            if isinstance(note, Note):
                self._note(note)

    def _note(self, note: Note) -> None:
        """Count a note and log it if it asks for it."""
        metrics.count(self.work.name, note)
        if note.level:
            _log.log(_LEVELS[note.level], note.name, **note.labels, **note.log)


def reason_of(letter: Sent) -> str:
    """Return the reason in a dead letter's headers."""
    return next(value.decode() for name, value in letter.headers if name == REASON)


_LEVELS = {"info": 20, "warning": 30, "error": 40}
