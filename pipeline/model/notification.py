"""Topic ``notifications``: what one channel is to be told about one alert group."""

from datetime import datetime
from typing import Literal

import msgspec

from pipeline.model.metric import TopIssue


class AlertLine(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of the group as it stood when the notification was made."""

    alert_id: str
    state: Literal["firing", "resolved"]
    rule: str
    severity: str
    service: str
    environment: str
    title: str
    value: float | None
    threshold: float
    op: str
    window_s: int
    numerator: int
    denominator: int
    started_at: datetime
    as_of: datetime
    explanation: str = ""
    labels: dict[str, str] = {}


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A notice for one channel; ``dedup_key`` is stable over an episode of the alert group."""

    notification_id: str
    channel: str
    alert_group: str
    dedup_key: str
    status: Literal["firing", "resolved"]
    reason: str
    severity: str
    project: str
    service: str
    environment: str
    created_at: datetime
    alerts: list[AlertLine]
    top: list[TopIssue] = []
    links: dict[str, str] = {}
    silence_command: str = ""
