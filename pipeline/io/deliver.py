"""Delivers notifications: a thread per channel, each a consumer group of its own.

A channel that hangs or fails delays no other. Each answer is logged together with the offset of
the lowest unfinished notice in one transaction, so that what was answered is not sent again; only
a death between answer and commit repeats a notice, under the same id.
"""

import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import NamedTuple

from pipeline.io import metrics
from pipeline.io.broker import Aborted, Away, Broker, Committed
from pipeline.io.clock import Clock
from pipeline.io.http import HttpSender
from pipeline.io.log import logger
from pipeline.io.loop import Outcome, Turn, reason_of
from pipeline.io.smtp import send as send_mail
from pipeline.model.dead_letter import TOPIC as DEAD_LETTERS
from pipeline.model.dead_letter import dead_letter
from pipeline.model.stage import Note, Output, Sent, Source, Unreadable
from pipeline.notify.channel import Channel, HttpChannel
from pipeline.notify.channels.email import Email
from pipeline.notify.exchange import HttpRequest, Mail, Reply
from pipeline.notify.stage import LOG, Job, NotifyStage

READS = "notifications"
POLL_S = 0.1
COMMIT_S = 1.0
ALIVE_S = 120.0
MOST_JOBS = 5_000
_LEVELS = {"info": 20, "warning": 30, "error": 40}
_log = logger("deliver")


class Answer(NamedTuple):
    """What came of one attempt that may not be in the log yet."""

    attempt: int
    reply: Reply
    at: datetime
    latency_ms: float


class ChannelWorker:
    """Delivers the notices of one channel; ``turn`` it until it is to end, then ``close`` it."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        broker: Broker,
        instance: int,
        clock: Clock,
        give_up_s: int = 86_400,
        busy: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.name = name
        self._channel = channel
        self._broker = broker
        self._clock = clock
        self._give_up_s = give_up_s
        self._busy = busy
        identity = f"notify-{name}-{instance}"
        self._producer = broker.producer(f"tocsin-{identity}")
        self._consumer = broker.consumer(f"tocsin-notify-{name}", identity, (READS,))
        self._http = HttpSender()
        self._stage: NotifyStage | None = None
        self._generation = 0
        self._read: set[Source] = set()
        self._committed: dict[Source, int] = {}
        self._committed_at = clock.now()
        self._unlogged: dict[str, Answer] = {}
        self._paused = False
        self._turned = time.monotonic()

    def turn(self) -> Turn:
        """Take what has arrived, then make one attempt if one is due."""
        try:
            turn = self._turn()
        except Aborted as raised:
            _log.warning("outcome not logged; reading back", channel=self.name, reason=str(raised))
            turn = self._forget("aborted")
        except Away as raised:
            _log.warning("the broker is away", channel=self.name, reason=str(raised))
            turn = self._forget("away")
        self._turned = time.monotonic()
        return turn

    def ready(self) -> bool:
        """Answer whether partitions are assigned and the log is recalled."""
        return self._stage is not None

    def alive(self) -> bool:
        """Answer whether it has turned within the time that one attempt may take."""
        return self.turn_age_s() < ALIVE_S

    def turn_age_s(self) -> float:
        """Return the seconds since the last turn."""
        return time.monotonic() - self._turned

    def close(self) -> None:
        """End between two turns."""
        self._http.close()
        self._producer.close()
        self._consumer.close()

    def _turn(self) -> Turn:
        """Rebuild if needed, else do one piece of work."""
        if self._stage is None and self._consumer.assignment():
            with self._busy():
                return self._rebuild()
        outputs = self._take()
        if self._consumer.generation() != self._generation:
            return self._forget("joining")
        stage = self._stage
        if stage is None:
            return Turn("joining")
        job = stage.next(self._clock.now())
        if job is not None:
            outputs += self._attempt(stage, job)
        is_time = (self._clock.now() - self._committed_at).total_seconds() >= COMMIT_S
        if outputs or is_time:
            with self._busy():
                self._commit(stage, outputs)
        return Turn("idle" if job is None else "committed", 0 if job is None else 1)

    def _take(self) -> list[Output]:
        """Queue what has arrived; with many notices waiting, only stay in the group."""
        stage = self._stage
        if stage is not None and self._paused != (len(stage) >= MOST_JOBS):
            self._paused = not self._paused
            change = self._consumer.pause if self._paused else self._consumer.resume
            change(self._consumer.assignment())
        with self._busy():
            records = self._consumer.poll(500, self._patience_s())
        if stage is None or self._consumer.generation() != self._generation:
            return []
        for source in self._consumer.assignment():
            lag = metrics.LAG.labels(f"notify-{self.name}", source.topic, str(source.partition))
            lag.set(self._consumer.lag(source))
        outputs: list[Output] = []
        now = self._clock.now()
        for record in records:
            self._read.add(record.source)
            try:
                outputs += stage.feed(record, now)
            except Unreadable as bad:
                outputs.append(dead_letter(record, "notify", bad.reason, str(bad), now))
        metrics.READ.labels("notify", READS).inc(len(records))
        return outputs

    def _patience_s(self) -> float:
        """Return how long to wait for records: not past the next attempt."""
        now = self._clock.now()
        wake = self._stage.wake_at(now) if self._stage is not None else None
        if wake is None:
            return POLL_S
        return min(POLL_S, max(0.0, (wake - now).total_seconds()))

    def _attempt(self, stage: NotifyStage, job: Job) -> list[Output]:
        """Send one notice, unless its answer is known and only the log entry was lost."""
        known = self._unlogged.get(job.note.notification_id)
        if known is None or known.attempt != job.attempt:
            known = self._send(job)
            self._unlogged[job.note.notification_id] = known
        return stage.settle(job, known.reply, known.at, known.latency_ms)

    def _send(self, job: Job) -> Answer:
        """Make the attempt."""
        began = time.monotonic()
        request = self._channel.request(job.note, self._clock.now())
        reply = self._reply(request)
        took_ms = (time.monotonic() - began) * 1000
        metrics.BATCH_SECONDS.labels(f"notify-{self.name}").observe(took_ms / 1000)
        return Answer(job.attempt, reply, self._clock.now(), took_ms)

    def _reply(self, request: HttpRequest | Mail) -> Reply:
        """Return the answer to a request, by the protocol of the channel."""
        channel = self._channel
        if isinstance(request, HttpRequest) and isinstance(channel, HttpChannel):
            return self._http.send(
                request, allow_private=channel.allow_private, timeout_s=channel.timeout_s
            )
        if isinstance(request, Mail) and isinstance(channel, Email):
            return send_mail(request, channel, self._clock.now())
        raise TypeError(f"{channel.type} asks for {type(request).__name__}")

    def _commit(self, stage: NotifyStage, outputs: Collection[Output]) -> None:
        """Write log entries and offsets in one transaction, then count them."""
        sent = [output for output in outputs if isinstance(output, Sent)]
        unfinished = stage.unfinished()
        offsets = {
            source: Committed(unfinished.get(source, self._consumer.position(source)))
            for source in self._read
        }
        moved = {s: c for s, c in offsets.items() if c.offset != self._committed.get(s)}
        if sent or moved:
            self._producer.begin()
            for message in sent:
                self._producer.send(message)
            self._producer.commit(moved, self._consumer)
        self._committed |= {s: c.offset for s, c in moved.items() if c.offset is not None}
        self._committed_at = self._clock.now()
        self._unlogged.clear()
        for message in sent:
            metrics.WRITTEN.labels("notify", message.topic).inc()
            if message.topic == DEAD_LETTERS:
                metrics.DEAD_LETTERS.labels("notify", reason_of(message)).inc()
        for note in outputs:
            if isinstance(note, Note):
                metrics.count("notify", note)
                if note.level:
                    _log.log(_LEVELS[note.level], note.name, **note.labels, **note.log)

    def _forget(self, outcome: Outcome) -> Turn:
        """Throw the queue away: it is read again."""
        metrics.READY.labels(f"notify-{self.name}").set(0)
        self._stage = None
        self._paused = False
        self._generation = self._consumer.generation()
        return Turn(outcome)

    def _rebuild(self) -> Turn:
        """Settle what is open, recall the log, and go to the committed offsets."""
        self._generation = self._consumer.generation()
        self._producer.abort()
        starts = self._consumer.rewind()
        stage = NotifyStage(name=self.name, channel=self._channel, give_up_s=self._give_up_s)
        sources = [Source(LOG, n) for n in range(self._broker.partitions(LOG))]
        n = 0
        for record in self._broker.read(sources, {}, self._broker.ends(sources)):
            stage.recall(record)
            n += 1
        self._consumer.resume(self._consumer.assignment())
        self._read = set()
        self._committed = {source: start.offset for source, start in starts.items()}
        self._stage = stage
        metrics.RECALLED.labels("notify").inc(n)
        metrics.READY.labels(f"notify-{self.name}").set(1)
        _log.info("channel is ready", channel=self.name, recalled=n)
        return Turn("rebuilt")
