"""Notifications and replies for tests, and channels to send them by."""

from datetime import timedelta
from typing import Any

import msgspec

from pipeline.model.metric import TopIssue
from pipeline.model.notification import AlertLine, Notification
from pipeline.model.stage import Record
from pipeline.notify.channel import Channel
from pipeline.notify.channels import AnyChannel, ChannelFile
from pipeline.notify.exchange import Reply
from tests.build import AT, AT_MS

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
SETTINGS: dict[str, dict[str, Any]] = {
    "slack": {"type": "slack", "url": "https://hooks.slack.com/services/T/B/secret"},
    "pagerduty": {"type": "pagerduty", "routing_key": "r" * 32},
    "email": {
        "type": "email",
        "host": "smtp.example.org",
        "sender": "tocsin@example.org",
        "to": ["oncall@example.org"],
    },
    "webhook": {"type": "webhook", "url": "https://example.org/hook", "secrets": [SECRET]},
}


def a_channel(name: str, **changes: Any) -> AnyChannel:
    """Return a channel of this type, changed."""
    file = ChannelFile.model_validate({"channels": {name: SETTINGS[name] | changes}})
    return file.channels[name]


def a_line(**changes: Any) -> AlertLine:
    """Return one alert of a notice, changed."""
    line = AlertLine(
        alert_id="0f0c0000-0000-5000-8000-000000000001",
        state="firing",
        rule="High Error Rate",
        severity="critical",
        service="shop",
        environment="production",
        title="High Error Rate: shop (production)",
        value=0.312,
        threshold=0.05,
        op=">",
        window_s=300,
        numerator=94,
        denominator=301,
        started_at=AT,
        as_of=AT + timedelta(seconds=60),
        explanation="Since 2026-11-24 12:00:00 UTC: error_rate is 0.312",
        labels={"team": "checkout"},
    )
    return msgspec.structs.replace(line, **changes)


def a_notification(number: int = 1, **changes: Any) -> Notification:
    """Return a firing notice, changed."""
    note = Notification(
        notification_id=f"1f0c0000-0000-5000-8000-{number:012}",
        channel="webhook",
        alert_group='["High Error Rate","default","shop","production"]',
        dedup_key="2f0c0000-0000-5000-8000-000000000001",
        status="firing",
        reason="first",
        severity="critical",
        project="default",
        service="shop",
        environment="production",
        created_at=AT + timedelta(seconds=70),
        alerts=[a_line()],
        top=[TopIssue("00000000000000aa", "PaymentError: card declined", 41)],
        links={"issues": "http://tocsin.example.org/issues?service=shop"},
    )
    return msgspec.structs.replace(note, **changes)


def a_resolve(number: int = 2, **changes: Any) -> Notification:
    """Return the resolved notice that follows, changed."""
    resolved: dict[str, Any] = {
        "status": "resolved",
        "reason": "all_resolved",
        "alerts": [a_line(state="resolved", value=0.01, numerator=3)],
    }
    return a_notification(number, **(resolved | changes))


def key_of(note: Notification) -> bytes:
    """Return the key that the alert stage gives a notice."""
    return f"{note.channel}\0{note.alert_group}".encode()


def as_record(note: Notification, offset: int = 0, partition: int = 0) -> Record:
    """Return a notice as it is read from its topic."""
    value = msgspec.json.encode(note)
    return Record("notifications", partition, offset, AT_MS, key_of(note), value)


SUCCESS: dict[str, Reply] = {
    "slack": Reply(status=200, body=b"ok"),
    "pagerduty": Reply(status=202, body=b'{"status":"success"}'),
    "email": Reply(status=250),
    "webhook": Reply(status=204),
}


def success_of(channel: Channel) -> Reply:
    """Return the answer by which a channel says that it has taken a notice."""
    return SUCCESS[channel.type]
