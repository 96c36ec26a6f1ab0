"""From a raw event to its row, or to the owner who decides about it, and to the windows' sums.

Every readable event is counted in its service's row of ``frames`` at once. An error event whose
fingerprint is known becomes a row on ``events.grouped`` and counts in its group here; any other
goes to ``events.novel``, and counts in its group where that is decided. The id of an event counts
once within the horizon. Of a flood only few rows are stored, and all events counted.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from pipeline.frames.combine import Combiner, Outcome
from pipeline.frames.progress import MARK_TOPIC, clamp
from pipeline.model.event import KINDS
from pipeline.model.grouped import Grouped
from pipeline.model.novel import Novel
from pipeline.model.partition import partition_of
from pipeline.model.stage import Note, Output, Record, Sent, Source, Unreadable
from pipeline.process import keeping, known, overflow
from pipeline.process.decode import Body, body_of, kind_of
from pipeline.process.dedupe import Repeats
from pipeline.process.event import Fault, Head, project_of, read_content, read_head
from pipeline.process.keeping import Keeping
from pipeline.process.key import canonical_key, fingerprint_of
from pipeline.process.known import Group, Known
from pipeline.process.measures import count
from pipeline.process.overflow import Overflow
from pipeline.process.row import Fact, grouped_row, novel_of, user_of
from pipeline.process.settings import ProcessSettings
from pipeline.process.shapes import canonical
from pipeline.process.stacks.frame import key_frames
from pipeline.process.times import EPOCH
from pipeline.process.values import text
from pipeline.scrub.gate import NOTHING, plan_of
from pipeline.scrub.walk import Scrubber

GROUPED: Final = "events.grouped"
_MS: Final = timedelta(milliseconds=1)
_DAY_MS: Final = 86_400_000
_REASONS: Final = {"sampled": "flood", "filtered": "quota"}
_encode = msgspec.json.Encoder().encode


class ProcessStage:
    """Reads events of its partitions of ``events.raw``."""

    def __init__(
        self,
        *,
        settings: ProcessSettings,
        window_s: int,
        partitions: int,
        n_sources: int | None = None,
    ) -> None:
        self._settings = settings
        self._partitions = partitions
        self._sums = Combiner(
            stage="process",
            window_s=window_s,
            partitions=partitions,
            n_sources=n_sources or partitions,
            heartbeat_s=settings.heartbeat_s,
        )
        self._known = Known()
        self._repeats = Repeats(settings.dedupe_s, settings.dedupe_ids)
        self._overflow = Overflow(settings.groups_per_hour)
        self._keeping: dict[int, Keeping] = {}
        self._outcomes: Counter[tuple[str, Outcome]] = Counter()
        self._scrubbed: Counter[str] = Counter()
        self._complaints: list[str] = []

    def recall(self, record: Record) -> None:
        """Take a record of the registry or of the state, or input that was counted before."""
        if record.topic == known.TOPIC:
            self._complain(self._known.recall(record))
            self._overflow.recall(record)
        elif record.topic == keeping.TOPIC:
            self._complain(self._keeping_of(record.partition).recall(record))
        else:
            self._repeats.recall(record)

    def assign(self, positions: dict[Source, int]) -> None:
        """Nothing to learn: offsets and ids come with the records."""

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Return what follows from one event; raises Unreadable, having accounted for it."""
        del now
        self._sums.progress.read(record.partition, record.offset)
        body: Body = {}
        try:
            body = body_of(record.value)
            return self._take(body, record)
        except Unreadable as refused:
            self._refuse(body, record, refused.reason)
            raise

    def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
        """Return rows that waited, the batch's frames, and marks behind its novel events."""
        now_ms = (now - EPOCH) // _MS
        silent = {source.partition for source in caught_up}
        for partition, kept in sorted(self._keeping.items()):
            if partition in silent:
                yield from map(self._row, kept.rest(now_ms))
            yield from kept.records(partition)
        yield from self._sums.drain(now_ms, silent)
        yield from self._sums.marks(now_ms)
        yield from self._notes()

    def _notes(self) -> Iterable[Note]:
        """Return what was counted since the last batch."""
        for (kind, outcome), n in self._outcomes.items():
            yield Note("outcomes", {"kind": kind, "outcome": outcome}, n)
        for rule, n in self._scrubbed.items():
            yield Note("scrubbed", {"rule": rule}, n)
        for complaint in self._complaints:
            yield Note("state_unreadable", level="error", log={"problem": complaint})
        self._outcomes, self._scrubbed, self._complaints = Counter(), Counter(), []

    def _take(self, raw: Body, record: Record) -> list[Output]:
        """Read an event whole, then count it; raises Unreadable before anything is counted."""
        kind = kind_of(raw)
        clean = self._scrub(raw, record.value or b"")
        body = canonical(clean)
        head = read_head(body, kind, record)
        content = read_content(kind, body)
        outputs: list[Output] = []
        kept = self._keeping.get(record.partition)
        if kept is None:
            kept = self._keeping_of(record.partition)
        if record.timestamp_ms >= kept.ends_ms:
            outputs += map(self._row, kept.begin(record.timestamp_ms))
        if not self._admit(head, record):
            return outputs
        ts_ms = self._time(head, record)
        user = user_of(body if clean is raw else canonical(raw), body)
        if isinstance(content, Fault):
            fact = self._fact(head, content, body, user, ts_ms, record)
            outputs += self._error(fact, kept)
        else:
            count(self._sums, head, content, ts_ms, user[1], self._settings)
        return outputs

    def _scrub(self, raw: Body, value: bytes) -> Body:
        """Return the event without secrets."""
        plan = plan_of(value)
        if plan is NOTHING:
            return raw
        scrubber = Scrubber(plan)
        clean = scrubber.event(raw)
        self._scrubbed.update(scrubber.hits)
        return clean

    def _fact(
        self,
        head: Head,
        fault: Fault,
        body: Body,
        user: tuple[str, int],
        ts_ms: int,
        record: Record,
    ) -> Fact:
        """Return an error event with its fingerprint."""
        frames = key_frames(fault.raised.stack.frames)
        key = canonical_key(
            head.service, fault.raised.type, frames, fault.pattern, body.get("fingerprint")
        )
        fingerprint = fingerprint_of(head.project, key)
        return Fact(head, fault, body, key, fingerprint, ts_ms, user, record)

    def _error(self, fact: Fact, keeping: Keeping) -> Iterable[Sent]:
        """Count an error event and pass it on: to its group, or to the owner."""
        head, handled = fact.head, fact.fault.raised.handled
        series = (head.project, head.service, head.environment, fact.ts_ms)
        self._sums.event(*series, level=fact.fault.level, handled=handled, user=fact.user[1])
        group = self._known.find(fact.fingerprint)
        if group is None:
            fact, group = self._with_room(fact)
        weight, outcome = keeping.keep(fact) or (head.weight, "")
        if outcome:
            owner = (head.project, head.service, head.kind)
            self._account(*owner, fact.record.timestamp_ms, outcome, _REASONS[outcome])
        if group is None:
            # The owner sees every event: it decides, and counts for whoever waits for a number.
            novel = novel_of(fact, weight or head.weight, "whole" if weight else "count")
            return (self._to_owner(novel),)
        self._sums.issue(
            *series,
            group_id=group.group_id,
            title=group.title,
            event_id=head.event_id,
            handled=handled,
            user=fact.user[1],
        )
        if not weight:
            return ()
        return (_stored(grouped_row(fact, group_id=group.group_id, how="exact", weight=weight)),)

    def _with_room(self, fact: Fact) -> tuple[Fact, Group | None]:
        """Return an event without a known group; beyond the limit of new ones it is another."""
        head, fingerprint = fact.head, fact.fingerprint
        if self._known.is_decided(fingerprint) or self._overflow.has_room(
            head.project, head.service, fingerprint, fact.record.timestamp_ms
        ):
            return fact, None
        key = overflow.other(head.service)
        fingerprint = fingerprint_of(head.project, key)
        fact = replace(fact, key=key, fingerprint=fingerprint, rule=overflow.RULE)
        return fact, self._known.find(fingerprint)

    def _row(self, novel: Novel) -> Sent:
        """Return the row of an event that was counted before."""
        group = self._known.find(novel.row.fingerprint)
        if group is None:
            return self._to_owner(novel)
        return _stored(replace(novel.row, group_id=group.group_id, group_how="exact"))

    def _to_owner(self, novel: Novel) -> Sent:
        """Return an event for the owner of its service and type."""
        key = novel.key
        home = partition_of(self._partitions, key.service, key.error_type)
        name = f"{key.service}\0{key.error_type}".encode()
        return Sent(MARK_TOPIC, _encode(novel), name, home)

    def _keeping_of(self, partition: int) -> Keeping:
        """Return what decides about the rows of a partition."""
        found = self._keeping.get(partition)
        if found is None:
            found = self._keeping[partition] = Keeping(self._settings, self._partitions)
        return found

    def _complain(self, complaint: str) -> None:
        """Keep what is wrong with a record for the next batch's notes."""
        if complaint:
            self._complaints.append(complaint)

    def _time(self, head: Head, record: Record) -> int:
        """Return the event time that counts, and move the source's watermark."""
        broker_ms = record.timestamp_ms
        event_ms = clamp(
            broker_ms if head.event_ms is None else head.event_ms,
            broker_ms,
            past_ms=self._settings.past_days * _DAY_MS,
            future_ms=self._settings.future_s * 1000,
        )
        self._sums.progress.read(record.partition, record.offset, min(event_ms, broker_ms))
        return event_ms

    def _admit(self, head: Head, record: Record) -> bool:
        """Account for an event; a repeat goes no further."""
        event = (head.project, head.service, head.kind, record.timestamp_ms)
        self._account(*event, "accepted")
        if head.own_id and self._repeats.is_repeat(head.project, head.event_id, record):
            self._account(*event, "duplicate")
            return False
        if head.kind != "error":
            self._account(*event, "aggregated")
        return True

    def _refuse(self, body: Body, record: Record, reason: str) -> None:
        """Account for an event that nobody can read, as far as it says whose it is."""
        service = body.get("service")
        kind = body.get("kind")
        owner = (project_of(body), text(service) if isinstance(service, str) else "")
        kind = kind if isinstance(kind, str) and kind in KINDS else "error"
        self._account(*owner, kind, record.timestamp_ms, "accepted")
        self._account(*owner, kind, record.timestamp_ms, "dead_lettered", reason)

    def _account(
        self,
        project: str,
        service: str,
        kind: str,
        broker_ms: int,
        outcome: Outcome,
        reason: str = "",
    ) -> None:
        """Add one event to the accounting and to the counters."""
        self._outcomes[kind, outcome] += 1
        self._sums.outcome(project, service, broker_ms, kind=kind, outcome=outcome, reason=reason)


def _stored(row: Grouped) -> Sent:
    """Return a row on its way to the store."""
    return Sent(GROUPED, _encode(row), row.group_id.encode())
