"""Topic ``alerts``: the state of each alert episode; a column of ``tocsin.alerts`` per field."""

from datetime import datetime
from typing import Literal

import msgspec

from pipeline.model.metric import TopIssue

State = Literal["pending", "firing", "keeping", "resolved", "no_data", "degraded"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of one rule and series after its change number ``seq``.

    ``told`` lists the channels that were told it fires and ``notices`` the last notification id
    per channel: whoever was told gets the resolve, and ``settled`` says that nothing is owed any
    more. ``since`` is when the state began, in event time like ``as_of`` and ``started_at``;
    ``at``, ``due_at``, ``cooldown_until`` and ``last_notice_at`` are times of day. ``dedup_key``
    is the episode of the alert group, ``flush`` the number of its next notice.
    """

    alert_id: str
    rule: str
    dedup_key: str = ""
    state: State
    flags: list[str] = []
    reason: str
    at: datetime
    as_of: datetime
    started_at: datetime
    since: datetime
    severity: str
    project: str
    service: str
    environment: str
    group_id: str = ""
    value: float | None = None
    threshold: float = 0.0
    op: str = ""
    window_s: int = 0
    numerator: int = 0
    denominator: int = 0
    window_start: datetime
    window_end: datetime
    title: str
    explanation: str = ""
    labels: dict[str, str] = {}
    top: list[TopIssue] = []
    told: list[str] = []
    actor: str = ""
    seq: int = 0
    flush: int = 0
    notices: dict[str, str] = {}
    fired_at: datetime | None = None
    due_at: datetime | None = None
    cooldown_until: datetime | None = None
    last_notice_at: datetime | None = None
    settled: bool = False

    @property
    def is_on(self) -> bool:
        """Whether it has fired and not resolved."""
        return self.state in {"firing", "keeping", "no_data"}
