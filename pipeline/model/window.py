"""Topic ``windows``: closed windows and their corrections, numbered without gaps per partition.

Field names are the columns of the tables they are stored in (``service_metrics``,
``resource_samples``, ``outcomes``); the sink passes the JSON on. ``seq`` 0 is the closed window,
a correction carries the frame offset + 1 and the difference only.
"""

from datetime import datetime

import msgspec


class _Base(msgspec.Struct, frozen=True, kw_only=True, tag_field="record"):
    """What every record of the topic has; ``as_of`` is the clock that closed it."""

    number: int
    as_of: datetime


class ServiceWindow(_Base, tag="service", kw_only=True, frozen=True):
    """One service and environment in one window."""

    window_start: datetime
    window_s: int
    project: str
    service: str
    environment: str
    seq: int = 0
    partial: bool = False
    requests: int = 0
    requests_failed: int = 0
    satisfied: int = 0
    tolerating: int = 0
    latency: dict[int, int] = {}
    latency_sum_ms: float = 0.0
    events_fatal: int = 0
    events_error: int = 0
    events_warning: int = 0
    unhandled: int = 0
    sessions: int = 0
    sessions_errored: int = 0
    sessions_crashed: int = 0
    sessions_abnormal: int = 0
    user_hashes: list[int] = []


class GroupWindow(_Base, tag="group", kw_only=True, frozen=True):
    """One group and environment in one window."""

    window_start: datetime
    window_s: int
    project: str
    service: str
    environment: str
    group_id: str
    title: str
    seq: int = 0
    partial: bool = False
    n: int
    unhandled: int
    min_ts: datetime
    max_ts: datetime
    event_id: str
    users: int = 0


class ResourceWindow(_Base, tag="resource", kw_only=True, frozen=True):
    """One host in one window; percent, disk in percent free."""

    window_start: datetime
    window_s: int
    project: str
    service: str
    environment: str
    host: str
    seq: int = 0
    samples: int
    cpu_sum: float
    cpu_max: float
    memory_sum: float
    memory_max: float
    memory_rss_max: int
    disk_free_sum: float
    disk_free_min: float


class OutcomeWindow(_Base, tag="outcome", kw_only=True, frozen=True):
    """One statement of the accounting; ``hour`` is the hour of receipt."""

    hour: datetime
    project: str
    service: str
    kind: str
    origin: str = "pipeline"
    outcome: str
    reason: str
    row_id: str
    quantity: int


class Tick(_Base, tag="tick", kw_only=True, frozen=True):
    """The clock passed a window's end, whether or not anything was closed."""

    window_end: datetime
    window_s: int


WindowRecord = ServiceWindow | GroupWindow | ResourceWindow | OutcomeWindow | Tick
