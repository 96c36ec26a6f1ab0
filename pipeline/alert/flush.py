"""One flush of an alert group: a notice per channel, and what the episodes remember of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from pipeline.alert.batching import Reason, is_announced, is_new, is_owed
from pipeline.alert.episode import digest, measured
from pipeline.alert.notice import Group, links_of, notice
from pipeline.alert.rule import Rule, Series
from pipeline.alert.state import Change
from pipeline.alert.verdict import Verdict
from pipeline.model.alert import Alert
from pipeline.model.notification import Notification

# A notice has to fit into a message; whoever is left over comes with the next one.
MOST = 500
UNDELIVERABLE = "undeliverable_notices"


class Flushed(NamedTuple):
    """What one flush leads to."""

    notices: list[Notification]
    alerts: list[Alert]
    undeliverable: list[str]


class Flush:
    """Makes notices for the channels that are configured."""

    def __init__(self, channels: frozenset[str], public_url: str) -> None:
        self._channels = channels
        self._public_url = public_url

    def run(
        self,
        group: Group,
        members: Sequence[Alert],
        rule: Rule | None,
        reason: Reason,
        judged: Mapping[Series, Verdict],
        now: datetime,
    ) -> Flushed:
        """Return the notices of the group and the new records of its episodes."""
        listed = chosen(members, reason, now)
        if reason is Reason.REPEAT and rule is not None:
            listed = [_fresh(rule, alert, judged) for alert in listed]
        listed = _numbered(listed, members, reason)
        routes = tuple(rule.channels) if rule is not None and any(a.is_on for a in listed) else ()
        told = {channel for a in listed if is_owed(a) for channel in a.told}
        links = links_of(group, rule.runbook_url if rule else "", self._public_url)
        notices = [
            notice(group, lines, channel, reason, links, now)
            for channel in sorted(self._channels & {*routes, *told})
            if (lines := [a for a in listed if _is_for(a, channel, routes)])
        ]
        alerts = [_after(a, notices, now) for a in listed]
        rest = [a for a in members if a.dedup_key == listed[0].dedup_key]
        ids = {a.alert_id for a in listed}
        alerts += [_counted(a, listed[0].flush) for a in rest if a.alert_id not in ids]
        return Flushed(notices, alerts, sorted(told - self._channels))


def chosen(members: Sequence[Alert], reason: Reason, now: datetime) -> list[Alert]:
    """Return who stands in the notice: what has changed first, for the list may be cut."""
    listed = [a for a in members if is_owed(a)]
    if reason is not Reason.ALL_RESOLVED:
        listed += [a for a in members if is_new(a, now)]
        listed += [a for a in members if is_announced(a)]
    return listed[:MOST]


def _is_for(alert: Alert, channel: str, routes: Sequence[str]) -> bool:
    """Whether a channel hears of an episode: the resolve goes to whoever was told."""
    return channel in alert.told or (alert.is_on and channel in routes)


def _fresh(rule: Rule, alert: Alert, judged: Mapping[Series, Verdict]) -> Alert:
    """Return the episode with the newest numbers, so that a repeat does not tell old ones."""
    series = Series(alert.rule, alert.project, alert.service, alert.environment, alert.group_id)
    verdict = judged.get(series)
    is_newer = verdict is not None and verdict.as_of > alert.as_of and alert.is_on
    return measured(rule, alert, verdict) if verdict is not None and is_newer else alert


def _numbered(listed: Sequence[Alert], members: Sequence[Alert], reason: Reason) -> list[Alert]:
    """Return those listed with the group's episode and the number of this notice."""
    if reason is Reason.FIRST:
        key, number = digest("group", listed[0].alert_id), 0
    else:
        newest = max((a for a in members if a.dedup_key), key=lambda a: a.flush)
        key, number = newest.dedup_key, newest.flush
    return [msgspec.structs.replace(a, dedup_key=key, flush=number) for a in listed]


def _after(alert: Alert, notices: Sequence[Notification], now: datetime) -> Alert:
    """Return what an episode remembers of a flush."""
    if not alert.is_on:
        return msgspec.structs.replace(
            alert, settled=True, seq=alert.seq + 1, flush=alert.flush + 1
        )
    heard = {
        n.channel: n.notification_id
        for n in notices
        if any(line.alert_id == alert.alert_id for line in n.alerts)
    }
    return msgspec.structs.replace(
        alert,
        at=now,
        reason=Change.TOLD,
        seq=alert.seq + 1,
        flush=alert.flush + 1,
        told=sorted({*alert.told, *heard}),
        notices={**alert.notices, **heard},
        last_notice_at=now,
    )


def _counted(alert: Alert, number: int) -> Alert:
    """Return a member that was left out, with the number of the next notice."""
    return msgspec.structs.replace(alert, flush=number + 1, seq=alert.seq + 1)
