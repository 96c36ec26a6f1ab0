"""The alert stage: metrics and signals in; alert states and notifications out.

Windows and ``for`` follow the event time that the records carry; group_wait, cooldown and repeat
follow the time of day that ``tick`` brings. Everything a later decision needs stands in the
records of ``alerts``, which commit together with the notifications they led to.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from pipeline.alert.batching import decide, is_new
from pipeline.alert.book import Book, series_of
from pipeline.alert.episode import begun, ended, stepped
from pipeline.alert.flush import UNDELIVERABLE, Flush
from pipeline.alert.lag import Lag
from pipeline.alert.notice import Group
from pipeline.alert.rule import Rule, Series
from pipeline.alert.state import NO_DATA_S, Change, next_step
from pipeline.alert.verdict import Finding, Verdict
from pipeline.model.alert import Alert
from pipeline.model.metric import Metric
from pipeline.model.partition import partition_of
from pipeline.model.signal import Signal
from pipeline.model.stage import Note, Output, Record, Sent, Source, Unreadable

Place = tuple[str, str, str]
KINDS: dict[str, type[Metric] | type[Signal]] = {"metrics": Metric, "signals": Signal}
_SILENT = timedelta(seconds=NO_DATA_S)


def decoded(record: Record) -> Metric | Signal:
    """Return the message of a record; raises Unreadable."""
    kind = KINDS[record.topic]
    try:
        return msgspec.json.decode(record.value or b"", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("schema", f"no {kind.__name__}: {error}") from error


class AlertStage:
    """Rules over the series of the owned partitions."""

    def __init__(
        self,
        *,
        rules: Sequence[Rule],
        channels: Collection[str],
        partitions: int,
        public_url: str = "",
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._flush = Flush(frozenset(channels), public_url)
        self._partitions = partitions
        self._recalled: dict[str, Alert] = {}
        self._book = Book()
        self._judged: dict[Series, Verdict] = {}
        self._lag: dict[Place, Lag] = {}
        self._seen: dict[Place, datetime] = {}
        self._woke: datetime | None = None
        self._notes: list[Note] = []

    def recall(self, record: Record) -> None:
        """Take one state of an episode; the last one counts."""
        alert_id = (record.key or b"").decode(errors="replace")
        if record.value is None:
            self._recalled.pop(alert_id, None)
            return
        try:
            self._recalled[alert_id] = msgspec.json.decode(record.value, type=Alert)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problem = f"{record.topic}/{record.partition}@{record.offset}: {error}"
            self._notes.append(Note("state_unreadable", level="error", log={"problem": problem}))

    def assign(self, positions: dict[Source, int]) -> None:
        """Build the book of episodes from what was recalled."""
        del positions
        self._book = Book.of(self._recalled.values())
        self._recalled = {}

    def verdict(self, series: Series) -> Verdict | None:
        """Return the last evaluation of a series: why it fires, or why not."""
        return self._judged.get(series)

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Judge one metric or signal by every rule."""
        message = decoded(record)
        if isinstance(message, Metric):
            place = (message.project, message.service, message.environment)
            self._seen[place] = now
            lag = self._lag.get(place) or Lag(now - message.as_of)
            self._lag[place] = lag.after(message.as_of, now) if place in self._lag else lag
        outputs: list[Output] = []
        for rule in self._rules.values():
            verdict = rule.judge(message)
            if verdict is not None:
                series = rule.series_of(message, verdict.group_id)
                if rule.concerns(series):
                    outputs += self._judge(rule, series, verdict, now)
        return outputs

    def _judge(
        self, rule: Rule, series: Series, verdict: Verdict, now: datetime
    ) -> Iterator[Output]:
        """Move the episode of one series on; what is older than the last judgement is a repeat."""
        last, judged = self._book.last(series), self._judged.get(series)
        if verdict.finding is not Finding.MERGED and (
            (last is not None and verdict.as_of <= last.as_of)
            or (judged is not None and verdict.as_of <= judged.as_of)
        ):
            return
        self._judged[series] = verdict
        if verdict.finding.is_unknown:
            yield Note("alert_no_data", {"rule": rule.name})
        alert = last if last is not None and last.state != "resolved" else None
        since = alert.since if alert is not None else verdict.as_of
        step = next_step(
            rule, alert.state if alert else None, since, verdict.finding, verdict.as_of
        )
        if step is None:
            return
        if alert is None:
            yield from self._write(begun(rule, series, verdict, step, last, now))
        else:
            yield from self._write(stepped(rule, alert, verdict, step, now))

    def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
        """End what ends by itself, then tell each group that is due."""
        del caught_up
        self._woke = self._woke or now
        outputs: list[Output] = [*self._notes]
        self._notes = []
        for group in self._book.groups():
            for alert in self._book.members(group):
                change = self._end_of(alert, now)
                if change is not None:
                    outputs += self._write(ended(alert, change, now))
            outputs += self._tell(group, now)
        outputs += [self._sent(alert_id, s, None) for alert_id, s in self._book.forget(now)]
        return outputs

    def _end_of(self, alert: Alert, now: datetime) -> Change | None:
        """Return why an open episode ends although no record says so."""
        if alert.state == "resolved":
            return None
        rule = self._rules.get(alert.rule)
        if rule is None or not rule.concerns(series_of(alert)):
            return Change.RULE_REMOVED
        if alert.due_at is not None and rule.has_ended((now - alert.due_at).total_seconds()):
            return Change.LAPSED
        place = (alert.project, alert.service, alert.environment)
        seen = self._seen.get(place) or self._woke or now
        is_silent = rule.judges_values and now - seen >= _SILENT
        return Change.NO_DATA_TOO_LONG if is_silent else None

    def _tell(self, group: Group, now: datetime) -> Iterator[Output]:
        """Send the notices of a group if one is due."""
        members = self._book.members(group)
        rule = self._rules.get(group.rule)
        reason = decide(members, rule, now, held=self._is_held(group, members, now))
        if reason is None:
            return
        flushed = self._flush.run(group, members, rule, reason, self._judged, now)
        for notification in flushed.notices:
            key = f"{notification.channel}\0{group.text}".encode()
            yield Sent("notifications", msgspec.json.encode(notification), key)
            yield Note("notices", {"channel": notification.channel, "reason": reason})
        for channel in flushed.undeliverable:
            yield Note(
                UNDELIVERABLE, {"channel": channel}, level="warning", log={"group": group.text}
            )
        for alert in flushed.alerts:
            yield from self._write(alert)

    def _is_held(self, group: Group, members: Sequence[Alert], now: datetime) -> bool:
        """Whether the group's first notice waits for a backlog to be drained."""
        lag = self._lag.get((group.project, group.service, group.environment))
        due = [a.due_at for a in members if is_new(a, now) and a.due_at]
        return bool(lag is not None and due and lag.holds(min(due), now))

    def _write(self, alert: Alert) -> Iterator[Output]:
        """Keep the newest record of an episode, and publish it."""
        self._book.put(alert)
        yield self._sent(alert.alert_id, series_of(alert), alert)
        yield Note(
            "alert_changes",
            {"rule": alert.rule, "state": alert.state},
            level="info",
            log={"alert_id": alert.alert_id, "title": alert.title, "reason": alert.reason},
        )

    def _sent(self, alert_id: str, series: Series, alert: Alert | None) -> Sent:
        """Return the message that stores an episode, or forgets it."""
        return Sent(
            "alerts",
            msgspec.json.encode(alert) if alert is not None else None,
            alert_id.encode(),
            partition_of(self._partitions, series.service, series.environment),
        )
