"""Topic ``alerts``: the state of each alert episode; a column of ``tocsin.alerts`` per field."""

from datetime import datetime
from typing import Literal

import msgspec

State = Literal["pending", "firing", "keeping", "resolved", "no_data", "degraded"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of one rule and series after its transition number ``seq``.

    ``told`` lists the channels that were told it fires and ``notices`` the notification id per
    channel: whoever was told gets the resolve.
    """

    alert_id: str
    rule: str
    dedup_key: str
    state: State
    flags: list[str] = []
    reason: str
    at: datetime
    as_of: datetime
    started_at: datetime
    severity: str
    project: str
    service: str
    environment: str
    group_id: str = ""
    value: float | None = None
    threshold: float = 0.0
    numerator: int = 0
    denominator: int = 0
    window_start: datetime
    window_end: datetime
    title: str
    explanation: str = ""
    labels: dict[str, str] = {}
    told: list[str] = []
    actor: str = ""
    seq: int = 0
    notices: dict[str, str] = {}
    fired_at: datetime | None = None
    breached_at: datetime | None = None
    last_notice_at: datetime | None = None
