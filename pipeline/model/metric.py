"""Topic ``metrics``: rolling values of one service and environment, as of the clock."""

from datetime import datetime

import msgspec

WINDOWS_S = (60, 300, 600, 900, 1800, 3600, 21_600, 86_400)


class Rolling(msgspec.Struct, frozen=True, kw_only=True):
    """Values over one rolling window; None where there is no data, never 0 in its place.

    Rates are shares of 1, times in ms, resources in percent. ``covered_s`` is how much of the
    window has been seen since the series began.
    """

    window_s: int
    covered_s: int
    requests: int
    requests_failed: int
    events: int
    error_rate: float | None
    response_time_p50: float | None
    response_time_p95: float | None
    response_time_p99: float | None
    apdex: float
    throughput: float
    cpu_usage_percent: float | None = None
    memory_usage_percent: float | None = None
    disk_free_percent: float | None = None


class TopIssue(msgspec.Struct, frozen=True):
    """One of the busiest groups of the last minutes."""

    group_id: str
    title: str
    n: int


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """All rolling windows of a series when the clock reached ``as_of``."""

    project: str
    service: str
    environment: str
    number: int
    as_of: datetime
    window_end: datetime
    rolling: dict[int, Rolling]
    top: list[TopIssue] = []


NAMES = (
    "error_rate",
    "response_time_p50",
    "response_time_p95",
    "response_time_p99",
    "apdex",
    "throughput",
    "requests",
    "events",
    "cpu_usage_percent",
    "memory_usage_percent",
    "disk_free_percent",
)
