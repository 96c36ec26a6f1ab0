"""When an alert group is told about: Alertmanager's timers, answered with the reason."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.alert.rule import Rule
from pipeline.model.alert import Alert


class Reason(StrEnum):
    """Why a notice is sent now."""

    FIRST = "first"
    MEMBER_ADDED = "member_added"
    SOME_RESOLVED = "some_resolved"
    ALL_RESOLVED = "all_resolved"
    REPEAT = "repeat"


def is_new(alert: Alert, now: datetime) -> bool:
    """Whether an episode fires, was never in a notice, and is not held by its cooldown."""
    held = alert.cooldown_until is not None and alert.cooldown_until > now
    return alert.is_on and alert.last_notice_at is None and not held


def is_announced(alert: Alert) -> bool:
    """Whether an episode fires and stood in a notice."""
    return alert.is_on and alert.last_notice_at is not None


def is_owed(alert: Alert) -> bool:
    """Whether somebody was told that an episode fires, and not yet that it resolved."""
    return alert.state == "resolved" and not alert.settled


def decide(
    members: Collection[Alert], rule: Rule | None, now: datetime, *, held: bool
) -> Reason | None:
    """Return why the group is to be told about now, or None.

    A resolve waits for group_interval only while others of the group still fire: the last one has
    nobody left to wait for. ``held`` keeps first notices back; ``rule`` is None if it is gone.
    """
    announced = [a.last_notice_at for a in members if is_announced(a) and a.last_notice_at]
    owed = any(is_owed(a) for a in members)
    if not announced and owed:
        return Reason.ALL_RESOLVED
    if rule is None:
        return None
    new = [a for a in members if is_new(a, now)]
    if not announced:
        due = any(a.due_at is not None and a.due_at <= now for a in new)
        return Reason.FIRST if due and not held else None
    since = now - max(announced)
    if since >= timedelta(seconds=rule.group_interval):
        if new:
            return Reason.MEMBER_ADDED
        if owed:
            return Reason.SOME_RESOLVED
    return Reason.REPEAT if since >= timedelta(seconds=rule.repeat_interval) else None
