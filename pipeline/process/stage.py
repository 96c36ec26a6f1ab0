"""From a raw event to its row, or to the owner who decides about it, and to the windows' sums.

Every readable event is counted in its service's row of ``frames`` at once. An error event whose
fingerprint is known becomes a row on ``events.grouped`` and counts in its group here; any other
goes to ``events.novel``, and counts in its group where that is decided. The id of an event counts
once within the horizon.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from pipeline.frames.combine import Combiner, Outcome
from pipeline.frames.progress import MARK_TOPIC, clamp
from pipeline.model.event import KINDS
from pipeline.model.group import CanonicalKey
from pipeline.model.novel import Novel
from pipeline.model.partition import partition_of
from pipeline.model.stage import Note, Output, Record, Sent, Source, Unreadable
from pipeline.process import known
from pipeline.process.decode import Body, body_of, kind_of
from pipeline.process.dedupe import Recent
from pipeline.process.event import Fault, Head, project_of, read_content, read_head
from pipeline.process.glance import glance
from pipeline.process.key import VERSION, canonical_key, fingerprint_of
from pipeline.process.known import Known
from pipeline.process.measures import count
from pipeline.process.normalise import template
from pipeline.process.row import grouped_row, title_of, user_of
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
        self._recent: dict[int, Recent] = {}
        self._outcomes: Counter[tuple[str, Outcome]] = Counter()
        self._scrubbed: Counter[str] = Counter()
        self._complaints: list[str] = []

    def recall(self, record: Record) -> None:
        """Take a record of the registry, or an input record that was counted before."""
        if record.topic == known.TOPIC:
            complaint = self._known.recall(record)
            if complaint:
                self._complaints.append(complaint)
            return
        seen = glance(record.value) or self._id_in_full(record)
        if seen is not None:
            self._is_repeat(*seen, record)

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
        """Return the batch's frames, and marks behind its novel events."""
        now_ms = (now - EPOCH) // _MS
        yield from self._sums.drain(now_ms, {source.partition for source in caught_up})
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
        if not self._admit(head, record):
            return []
        ts_ms = self._time(head, record)
        user = user_of(body if clean is raw else canonical(raw), body)
        if isinstance(content, Fault):
            return [self._error(head, content, body, user, ts_ms, record)]
        count(self._sums, head, content, ts_ms, user[1], self._settings)
        return []

    def _scrub(self, raw: Body, value: bytes) -> Body:
        """Return the event without secrets."""
        plan = plan_of(value)
        if plan is NOTHING:
            return raw
        scrubber = Scrubber(plan)
        clean = scrubber.event(raw)
        self._scrubbed.update(scrubber.hits)
        return clean

    def _error(
        self,
        head: Head,
        fault: Fault,
        body: Body,
        user: tuple[str, int],
        ts_ms: int,
        record: Record,
    ) -> Sent:
        """Count an error event and pass it on: to its group, or to the owner."""
        series = (head.project, head.service, head.environment, ts_ms)
        handled = fault.raised.handled
        self._sums.event(*series, level=fault.level, handled=handled, user=user[1])
        frames = key_frames(fault.raised.stack.frames)
        key = canonical_key(
            head.service, fault.raised.type, frames, fault.pattern, body.get("fingerprint")
        )
        fingerprint = fingerprint_of(head.project, key)
        group = self._known.find(fingerprint)
        row = grouped_row(
            head,
            fault,
            body,
            ts_ms=ts_ms,
            broker_ms=record.timestamp_ms,
            fingerprint=fingerprint,
            version=VERSION,
            group_id=group.group_id if group else fingerprint,
            how="exact" if group else "",
            user=user,
            place=(record.partition, record.offset),
        )
        if group is None:
            shown = template(fault.pattern)
            title = title_of(row.error_type, shown, row.culprit)
            novel = Novel(
                key=key,
                template=shown,
                title=title,
                user_hash=user[1],
                received_ms=record.timestamp_ms,
                row=row,
            )
            return self._to_owner(novel, key)
        self._sums.issue(
            *series,
            group_id=group.group_id,
            title=group.title,
            event_id=head.event_id,
            handled=handled,
            user=user[1],
        )
        return Sent(GROUPED, _encode(row), group.group_id.encode())

    def _to_owner(self, novel: Novel, key: CanonicalKey) -> Sent:
        """Return an event for the owner of its service and type."""
        home = partition_of(self._partitions, key.service, key.error_type)
        name = f"{key.service}\0{key.error_type}".encode()
        return Sent(MARK_TOPIC, _encode(novel), name, home)

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
        self._account(head.project, head.service, head.kind, record, "accepted")
        if head.own_id and self._is_repeat(head.project, head.event_id, record):
            self._account(head.project, head.service, head.kind, record, "duplicate")
            return False
        if head.kind != "error":
            self._account(head.project, head.service, head.kind, record, "aggregated")
        return True

    def _is_repeat(self, project: str, event_id: str, record: Record) -> bool:
        """Tell whether an id came lately in this partition."""
        recent = self._recent.get(record.partition)
        if recent is None:
            recent = Recent(self._settings.dedupe_s, self._settings.dedupe_ids)
            self._recent[record.partition] = recent
        return recent.is_repeat(project, event_id, record.timestamp_ms)

    def _id_in_full(self, record: Record) -> tuple[str, str] | None:
        """Return project and id of an event that would be counted, by reading it."""
        try:
            raw = body_of(record.value)
            kind = kind_of(raw)
            body = canonical(raw)
            head = read_head(body, kind, record)
            read_content(kind, body)
        except Unreadable:
            return None
        return (head.project, head.event_id) if head.own_id else None

    def _refuse(self, body: Body, record: Record, reason: str) -> None:
        """Account for an event that nobody can read, as far as it says whose it is."""
        service = body.get("service")
        kind = body.get("kind")
        owner = (project_of(body), text(service) if isinstance(service, str) else "")
        kind = kind if isinstance(kind, str) and kind in KINDS else "error"
        self._account(*owner, kind, record, "accepted")
        self._account(*owner, kind, record, "dead_lettered", reason)

    def _account(
        self,
        project: str,
        service: str,
        kind: str,
        record: Record,
        outcome: Outcome,
        reason: str = "",
    ) -> None:
        """Add one event to the accounting and to the counters."""
        self._outcomes[kind, outcome] += 1
        self._sums.outcome(
            project, service, record.timestamp_ms, kind=kind, outcome=outcome, reason=reason
        )
