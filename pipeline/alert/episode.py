"""From a step of the state machine to the record of the episode."""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import msgspec

from pipeline.alert.rule import Rule, Series
from pipeline.alert.state import Change, Step
from pipeline.alert.verdict import Verdict
from pipeline.model.alert import Alert

NAMESPACE = uuid5(NAMESPACE_URL, "tocsin:alerts")


def digest(*parts: str) -> str:
    """Return the uuid5 of the parts, as text."""
    return str(uuid5(NAMESPACE, "\0".join(parts)))


def begun(
    rule: Rule, series: Series, verdict: Verdict, step: Step, last: Alert | None, now: datetime
) -> Alert:
    """Return the first record of an episode; ``last`` is the series' episode before."""
    place = f"{series.service} ({series.environment})"
    alert = Alert(
        alert_id=digest(*msgspec.structs.astuple(series), verdict.as_of.isoformat()),
        rule=rule.name,
        state="pending",
        reason=step.change,
        at=now,
        as_of=verdict.as_of,
        started_at=verdict.as_of,
        since=verdict.as_of,
        severity=rule.severity,
        project=series.project,
        service=series.service,
        environment=series.environment,
        group_id=series.group_id,
        window_start=verdict.window_start,
        window_end=verdict.window_end,
        title=f"{rule.name}: {place}" + (f": {verdict.subject}" if verdict.subject else ""),
        labels=rule.labels,
        cooldown_until=cooldown_end(rule, last),
    )
    return stepped(rule, alert, verdict, step, now)


def cooldown_end(rule: Rule, last: Alert | None) -> datetime | None:
    """Return when the series may be announced again: an untold episode hands its wait on."""
    if last is None:
        return None
    told = last.last_notice_at
    ends = [last.cooldown_until, told and told + timedelta(seconds=rule.cooldown)]
    return max((end for end in ends if end), default=None)


def measured(rule: Rule, alert: Alert, verdict: Verdict) -> Alert:
    """Return the record with the numbers of a verdict."""
    note = f"{rule.summary} " if rule.summary else ""
    return msgspec.structs.replace(
        alert,
        as_of=verdict.as_of,
        value=verdict.value,
        threshold=verdict.threshold,
        op=verdict.op,
        window_s=verdict.window_s,
        numerator=verdict.numerator,
        denominator=verdict.denominator,
        window_start=verdict.window_start,
        window_end=verdict.window_end,
        explanation=f"{note}Since {alert.started_at:%Y-%m-%d %H:%M:%S} UTC: {verdict.explanation}",
        top=verdict.top[:3],
    )


def stepped(rule: Rule, alert: Alert, verdict: Verdict, step: Step, now: datetime) -> Alert:
    """Return the episode after a step."""
    alert = measured(rule, alert, verdict)
    fires = alert.fired_at is None and step.state == "firing"
    if fires:
        waits = now + timedelta(seconds=rule.group_wait)
        due = max(waits, alert.cooldown_until or waits)
        alert = msgspec.structs.replace(alert, fired_at=verdict.as_of, due_at=due)
    return moved(alert, step, verdict.as_of, now)


def moved(alert: Alert, step: Step, as_of: datetime, now: datetime) -> Alert:
    """Return the episode in its next state; an untold one that resolves owes nobody anything."""
    return msgspec.structs.replace(
        alert,
        state=step.state,
        reason=step.change,
        since=as_of,
        at=now,
        seq=alert.seq + 1,
        settled=step.state == "resolved" and not alert.told,
    )


def ended(alert: Alert, change: Change, now: datetime) -> Alert:
    """Return the episode resolved by something else than its condition."""
    return moved(alert, Step("resolved", change), alert.as_of, now)
