"""One channel's notices: which is next, and what an answer leads to.

Order is kept inside an alert group only; critical goes before warning before info. A notice that
waits for its next attempt holds back its own group, and the channel only if the channel asked for
it or has failed repeatedly. ``notifications.log`` brings back what is done and what was tried.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from pipeline.model.dead_letter import dead_letter
from pipeline.model.notification import Notification
from pipeline.model.notification_log import Attempt
from pipeline.model.stage import Note, Output, Record, Sent, Source, Unreadable
from pipeline.notify.bucket import Bucket
from pipeline.notify.channel import Channel
from pipeline.notify.exchange import Reply
from pipeline.notify.outcome import Outcome
from pipeline.notify.retry import BROKEN_S, retry_after_s, wait_s

LOG = "notifications.log"
RANK = {"critical": 0, "warning": 1, "info": 2}
FAILURES = 2  # in a row: after them the channel is probed by one notice at a time
GAVE_UP = "gave up"
_DONE = frozenset({Outcome.SENT, Outcome.REFUSED})


class Job(msgspec.Struct, frozen=True):
    """A notice on its way; ``attempt`` is the number of the last one made."""

    note: Notification
    record: Record
    attempt: int
    not_before: datetime


class NotifyStage:
    """The notices of one channel, over the owned partitions of ``notifications``."""

    def __init__(self, *, name: str, channel: Channel, give_up_s: int = 86_400) -> None:
        self._name = name
        self._channel = channel
        self._give_up = timedelta(seconds=give_up_s)
        self._bucket = Bucket(channel.per_s, channel.burst, channel.burst)
        self._done: set[str] = set()
        self._tried: dict[str, Attempt] = {}
        self._groups: dict[str, deque[Job]] = {}
        self._offsets: dict[Source, set[int]] = {}
        self._not_before: datetime | None = None
        self._failures = 0
        self._notes: list[Note] = []

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._groups.values())

    def recall(self, record: Record) -> None:
        """Take one record of ``notifications.log``; those of other channels do not matter."""
        if record.value is None:
            return
        try:
            attempt = msgspec.json.decode(record.value, type=Attempt)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problem = f"{record.topic}/{record.partition}@{record.offset}: {error}"
            self._notes.append(Note("state_unreadable", level="error", log={"problem": problem}))
            return
        if attempt.channel == self._name:
            self._remember(attempt)

    def _remember(self, attempt: Attempt) -> None:
        """Keep what the next decision about a notice needs."""
        if attempt.outcome in _DONE:
            self._tried.pop(attempt.notification_id, None)
            self._done.add(attempt.notification_id)
        else:
            self._tried[attempt.notification_id] = attempt

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Queue a notice if it is for this channel and not done; raises Unreadable."""
        outputs: list[Output] = [*self._notes]
        self._notes = []
        channel, _, _ = (record.key or b"").partition(b"\0")
        if channel != self._name.encode():
            return outputs
        try:
            note = msgspec.json.decode(record.value or b"", type=Notification)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable("schema", f"no Notification: {error}") from error
        if note.notification_id in self._done:
            return [*outputs, Note("notifications", {"channel": self._name, "outcome": "known"})]
        last = self._tried.get(note.notification_id)
        then = last.retry_at if last is not None and last.retry_at is not None else now
        if last is not None and last.stops_channel:
            self._not_before = max(then, self._not_before or then)
        job = Job(note, record, last.attempt if last else 0, then)
        self._groups.setdefault(note.alert_group, deque()).append(job)
        self._offsets.setdefault(record.source, set()).add(record.offset)
        return outputs

    def unfinished(self) -> dict[Source, int]:
        """Return per partition the lowest offset that is not done: no higher one is committed."""
        return {source: min(offsets) for source, offsets in self._offsets.items() if offsets}

    def wake_at(self, now: datetime) -> datetime | None:
        """Return when the next attempt is due, None without notices."""
        heads = [jobs[0].not_before for jobs in self._groups.values()]
        if not heads:
            return None
        return max(min(heads), self._bucket.free_at(now), self._not_before or now)

    def next(self, now: datetime) -> Job | None:
        """Return the notice to be sent now: of the groups' first ones the most severe."""
        wake = self.wake_at(now)
        if wake is None or wake > now:
            return None
        ready = (jobs[0] for jobs in self._groups.values() if jobs[0].not_before <= now)
        return min(
            ready,
            key=lambda j: (RANK.get(j.note.severity, 0), j.note.created_at, j.note.notification_id),
        )

    def settle(self, job: Job, reply: Reply, now: datetime, latency_ms: float) -> list[Output]:
        """Return what an answer leads to: an entry in the log, and a dead letter if it is over."""
        self._bucket = self._bucket.taken(now)
        entry = self._attempted(job, reply, now, latency_ms)
        self._remember(entry)
        self._advance(job, entry)
        note_id = entry.notification_id.encode()
        outputs: list[Output] = [Sent(LOG, msgspec.json.encode(entry), note_id), self._note(entry)]
        if entry.outcome == "refused":
            reason = "gave_up" if entry.error.startswith(GAVE_UP) else "refused"
            outputs.append(
                dead_letter(job.record, "notify", reason, entry.error, now, entry.attempt)
            )
        return outputs

    def _attempted(self, job: Job, reply: Reply, now: datetime, latency_ms: float) -> Attempt:
        """Return the attempt as it is logged: outcome, error, and when the next one is."""
        note, number = job.note, job.attempt + 1
        outcome = self._channel.outcome(reply)
        error = reply.text or ("" if outcome is Outcome.SENT else f"HTTP {reply.status}")
        retry_at = None
        if outcome not in _DONE:
            wait = wait_s(reply, number, note.notification_id, now)
            wait = max(wait, BROKEN_S) if outcome is Outcome.BROKEN else wait
            retry_at = now + timedelta(seconds=wait)
            if retry_at > note.created_at + self._give_up:
                error = f"{GAVE_UP} after {number} attempts: {error}"
                outcome, retry_at = Outcome.REFUSED, None
        asked = reply.status == 429 or retry_after_s(reply, now) is not None
        return Attempt(
            notification_id=note.notification_id,
            alert_ids=[line.alert_id for line in note.alerts],
            alert_group=note.alert_group,
            channel=self._name,
            target=self._channel.target,
            severity=note.severity,
            project=note.project,
            service=note.service,
            environment=note.environment,
            attempt=number,
            at=now,
            outcome=outcome.value,
            http_status=reply.status,
            latency_ms=latency_ms,
            error=error[:500],
            retry_at=retry_at,
            stops_channel=retry_at is not None and (asked or outcome is Outcome.BROKEN),
        )

    def _advance(self, job: Job, entry: Attempt) -> None:
        """Take the notice off its queue, or set when it and the channel are tried again."""
        jobs = self._groups[job.note.alert_group]
        then = entry.retry_at
        if then is None:
            self._failures = 0
            self._not_before = None
            jobs.popleft()
            self._offsets[job.record.source].discard(job.record.offset)
            if not jobs:
                del self._groups[job.note.alert_group]
            return
        self._failures += 1
        jobs[0] = Job(job.note, job.record, entry.attempt, then)
        if entry.stops_channel or self._failures >= FAILURES:
            self._not_before = max(then, self._not_before or then)

    def _note(self, entry: Attempt) -> Note:
        """Return the fact for counters and the log."""
        return Note(
            "notifications",
            {"channel": self._name, "outcome": entry.outcome},
            level="info" if entry.outcome == "sent" else "warning",
            log={
                "notification_id": entry.notification_id,
                "attempt": entry.attempt,
                "error": entry.error,
            },
        )
