"""Slack, by an incoming webhook."""

from datetime import datetime
from typing import Any, ClassVar, Literal

import orjson
from pydantic import SecretStr

from pipeline.model.notification import Notification
from pipeline.notify.channel import HttpChannel
from pipeline.notify.exchange import HttpRequest, Reply
from pipeline.notify.message import body, cut, headline, limit, number
from pipeline.notify.outcome import Outcome, of_http

COLOURS = {"critical": "danger", "warning": "warning", "info": "good"}
TEXT, FIELD = 3000, 300


def escaped(text: str, most: int) -> str:
    """Return text that Slack shows as it is: ``<!channel>`` calls nobody."""
    safe = cut(text, most).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(safe) <= most:
        return safe
    head, amp, tail = safe[: most - 1].rpartition("&")
    return (head if amp and ";" not in tail else head + amp + tail) + "…"


class Slack(HttpChannel):
    """``type: slack``; a webhook takes one message a second."""

    per_s: ClassVar[float] = 1.0
    burst: ClassVar[float] = 1.0

    type: Literal["slack"]
    url: SecretStr

    def request(self, note: Notification, now: datetime) -> HttpRequest:
        """Return a message with one attachment, whose colour tells the severity."""
        del now
        message = {
            "text": escaped(headline(note), TEXT),
            "mrkdwn": False,
            "attachments": [_attachment(note)],
        }
        return HttpRequest(
            self.url.get_secret_value(),
            orjson.dumps(message),
            {"content-type": "application/json"},
        )

    def outcome(self, reply: Reply) -> Outcome:
        """Take only the body ``ok`` for success: somebody else may have answered 200."""
        outcome = of_http(reply)
        if outcome is Outcome.SENT and reply.body.strip() != b"ok":
            return Outcome.RETRY
        return outcome


def _attachment(note: Notification) -> dict[str, Any]:
    """Return the part with the numbers."""
    line = note.alerts[0]
    fields = {
        "Severity": note.severity.upper(),
        "Environment": note.environment,
        "Current Value": number(line.value),
        "Threshold": limit(line),
    }
    resolved = note.status == "resolved"
    return {
        "color": "good" if resolved else COLOURS.get(note.severity, "danger"),
        "fallback": escaped(headline(note), FIELD),
        "title": escaped(line.rule, FIELD),
        "text": escaped(body(note), TEXT),
        "mrkdwn_in": [],
        "fields": [
            {"title": title, "value": escaped(value, FIELD), "short": True}
            for title, value in fields.items()
            if value
        ],
        "footer": escaped(note.service, FIELD),
        "ts": int(note.created_at.timestamp()),
    }
