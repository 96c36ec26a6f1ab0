"""From the members of an alert group to one notification per channel."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from string import ascii_letters, digits
from typing import Literal

import msgspec

from pipeline.alert.batching import Reason
from pipeline.alert.episode import digest
from pipeline.alert.rule import RANK
from pipeline.model.alert import Alert
from pipeline.model.notification import AlertLine, Notification

_UNRESERVED = frozenset(ascii_letters + digits + "-._~")


class Group(msgspec.Struct, frozen=True, order=True):
    """What is batched into one thread of notices: a rule, service and environment."""

    rule: str
    project: str
    service: str
    environment: str

    @property
    def text(self) -> str:
        """An unambiguous name for people and keys."""
        return msgspec.json.encode(msgspec.structs.astuple(self)).decode()


def group_of(alert: Alert) -> Group:
    """Return the group that an episode belongs to."""
    return Group(alert.rule, alert.project, alert.service, alert.environment)


def line(alert: Alert) -> AlertLine:
    """Return what a notice says of one episode."""
    return AlertLine(
        alert_id=alert.alert_id,
        state="firing" if alert.is_on else "resolved",
        rule=alert.rule,
        severity=alert.severity,
        service=alert.service,
        environment=alert.environment,
        title=alert.title,
        value=alert.value,
        threshold=alert.threshold,
        op=alert.op,
        window_s=alert.window_s,
        numerator=alert.numerator,
        denominator=alert.denominator,
        started_at=alert.started_at,
        as_of=alert.as_of,
        explanation=alert.explanation,
        labels=alert.labels,
    )


def notice(
    group: Group,
    members: Sequence[Alert],
    channel: str,
    reason: Reason,
    links: dict[str, str],
    now: datetime,
) -> Notification:
    """Return one channel's notice about these members, which share an episode and its number."""
    first = members[0]
    fires = any(a.is_on for a in members)
    status: Literal["firing", "resolved"] = "firing" if fires else "resolved"
    return Notification(
        notification_id=digest(first.dedup_key, str(first.flush), channel),
        channel=channel,
        alert_group=group.text,
        dedup_key=first.dedup_key,
        status=status,
        reason=reason,
        severity=worst(a.severity for a in members),
        project=group.project,
        service=group.service,
        environment=group.environment,
        created_at=now,
        alerts=[line(a) for a in members],
        top=next((a.top for a in members if a.top), []),
        links=links,
    )


def worst(severities: Iterable[str]) -> str:
    """Return the highest severity."""
    return max(severities, key=lambda severity: RANK.get(severity, 0))


def links_of(group: Group, runbook_url: str, public_url: str) -> dict[str, str]:
    """Return where to look: the issues of the service, and the runbook."""
    links = {"runbook": runbook_url} if runbook_url else {}
    if public_url:
        links["issues"] = (
            f"{public_url.rstrip('/')}/issues?service={quoted(group.service)}"
            f"&environment={quoted(group.environment)}"
        )
    return links


def quoted(text: str) -> str:
    """Return text percent-encoded for a query string."""
    return "".join(
        chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in text.encode()
    )
