"""Topic ``events.grouped``: the row of table ``events``, without the columns the sink adds."""

from datetime import datetime

import msgspec


class Grouped(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One error event as it is stored; field names are the columns of ``tocsin.events``.

    The encoded value must be one JSON object ending in ``}``, since the sink splices
    ``src_partition`` and ``src_offset`` into the bytes.
    """

    event_id: str
    ts: datetime
    received_at: datetime
    project: str
    service: str
    environment: str
    release: str = ""
    level: str
    platform: str = ""
    group_id: str
    fingerprint: str
    grouping_version: int
    group_how: str
    group_rule: str = ""
    group_score: float = 0.0
    group_runner_up: str = ""
    group_guard: str = ""
    error_type: str
    message: str
    culprit: str = ""
    file: str = ""
    stack: str = ""
    handled: bool = True
    user_id: str = ""
    session_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    http_method: str = ""
    http_route: str = ""
    http_status: int = 0
    url: str = ""
    host: str = ""
    sdk: str = ""
    sample_weight: float = 1.0
    tags: dict[str, str] = {}
    contexts: str = ""
    breadcrumbs: str = ""
    raw_partition: int
    raw_offset: int
