"""PagerDuty, by its Events API v2."""

from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import Field, SecretStr

from pipeline.model.notification import Notification
from pipeline.notify.channel import HttpChannel
from pipeline.notify.exchange import HttpRequest, Reply
from pipeline.notify.message import SHOWN, cut, details, headline, one_line
from pipeline.notify.outcome import Outcome, of_http

SEVERITIES = {"critical": "critical", "warning": "warning", "info": "info"}


class PagerDuty(HttpChannel):
    """``type: pagerduty``; an episode has one dedup_key, so it is one incident."""

    type: Literal["pagerduty"]
    routing_key: SecretStr
    url: str = Field(default="https://events.pagerduty.com/v2/enqueue", pattern=r"^https?://")

    def request(self, note: Notification, now: datetime) -> HttpRequest:
        """Return a trigger, or the resolve of the same incident."""
        del now
        event: dict[str, Any] = {
            "routing_key": self.routing_key.get_secret_value(),
            "event_action": "trigger" if note.status == "firing" else "resolve",
            "dedup_key": note.dedup_key[:255],
            "client": "Tocsin",
            "payload": {
                "summary": one_line(headline(note), 1024),
                "source": one_line(note.service, 255) or "tocsin",
                "severity": SEVERITIES.get(note.severity, "error"),
                "timestamp": note.created_at.isoformat(),
                "component": one_line(note.service, 255),
                "group": one_line(note.environment, 255),
                "class": one_line(note.alerts[0].rule, 255),
                "custom_details": _details(note),
            },
            "links": [{"href": url, "text": name} for name, url in sorted(note.links.items())],
        }
        return HttpRequest(self.url, orjson.dumps(event), {"content-type": "application/json"})

    def outcome(self, reply: Reply) -> Outcome:
        """Take only 202 for success: PagerDuty answers nothing else."""
        outcome = of_http(reply)
        if outcome is Outcome.SENT and reply.status != 202:
            return Outcome.RETRY
        return outcome


def _details(note: Notification) -> dict[str, Any]:
    """Return the alerts and the top issues."""
    return {
        "project": note.project,
        "alerts": ["\n".join(cut(t, 2000) for t in details(a)) for a in note.alerts[:SHOWN]],
        "count": len(note.alerts),
        "top_issues": [f"{i.n} x {cut(i.title, 300)}" for i in note.top],
    }
