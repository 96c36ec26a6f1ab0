"""Topic ``notifications.log``: one record per attempt, keyed by notification id.

Field names are the columns of ``tocsin.notification_attempts``.
"""

from datetime import datetime
from typing import Literal

import msgspec


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt to deliver one notification.

    ``retry_at`` is when the next attempt may be made; ``stops_channel`` says that until then the
    channel takes nothing at all.
    """

    notification_id: str
    alert_ids: list[str]
    alert_group: str
    channel: str
    target: str
    severity: str
    project: str
    service: str
    environment: str
    attempt: int
    at: datetime
    outcome: Literal["sent", "retry", "refused", "broken", "skipped"]
    http_status: int = 0
    latency_ms: float = 0.0
    error: str = ""
    provider_ref: str = ""
    retry_at: datetime | None = None
    stops_channel: bool = False
