"""Rows that are added up, and the records that a closed window makes of them.

Every sum commutes, so the order of arrival does not change a closed window.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from pipeline.aggregate.accounting import outcome_window
from pipeline.model.frame import GroupRow, OutcomeRow, ResourceRow, Row, ServiceRow
from pipeline.model.window import GroupWindow, ResourceWindow, ServiceWindow, WindowRecord

Key = tuple[str, ...]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def key_of(row: Row) -> Key:
    """Return what tells a row from the others of its window; the kind stands first."""
    if isinstance(row, ServiceRow):
        return ("service", row.project, row.service, row.environment)
    if isinstance(row, GroupRow):
        return ("group", row.project, row.service, row.environment, row.group_id)
    if isinstance(row, ResourceRow):
        return ("resource", row.project, row.service, row.environment, row.host)
    return ("outcome", row.project, row.service, row.event_kind, row.outcome, row.reason)


def add(into: Row, row: Row) -> None:
    """Add a row to another of the same key."""
    if isinstance(into, ServiceRow) and isinstance(row, ServiceRow):
        _add_service(into, row)
    elif isinstance(into, GroupRow) and isinstance(row, GroupRow):
        _add_group(into, row)
    elif isinstance(into, ResourceRow) and isinstance(row, ResourceRow):
        _add_resource(into, row)
    elif isinstance(into, OutcomeRow) and isinstance(row, OutcomeRow):
        into.n += row.n
    else:
        raise TypeError(f"{type(row).__name__} cannot be added to {type(into).__name__}")


def time_of(ms: int) -> datetime:
    """Return milliseconds since the epoch as a time in UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


class Closing(msgspec.Struct, frozen=True, gc=False):
    """What a record tells of its window, whatever the row; ``seq`` 0 is the closed window."""

    start_ms: int
    window_s: int
    number: int
    as_of_ms: int
    seq: int
    partial: bool
    partition: int


def record_of(row: Row, at: Closing) -> WindowRecord:
    """Return the record of a closed window, or of a late row."""
    if isinstance(row, ServiceRow):
        return _service(row, at)
    if isinstance(row, GroupRow):
        return _group(row, at)
    if isinstance(row, ResourceRow):
        return _resource(row, at)
    return outcome_window(
        row,
        start=time_of(at.start_ms),
        number=at.number,
        as_of=time_of(at.as_of_ms),
        seq=at.seq,
        partition=at.partition,
    )


def _add_service(into: ServiceRow, row: ServiceRow) -> None:
    """Add the sums of a service."""
    into.fatal += row.fatal
    into.error += row.error
    into.warning += row.warning
    into.other += row.other
    into.unhandled += row.unhandled
    into.requests += row.requests
    into.failed += row.failed
    into.satisfied += row.satisfied
    into.tolerating += row.tolerating
    latency = into.latency
    for k, n in row.latency.items():
        latency[k] = latency.get(k, 0) + n
    into.latency_sum_us += row.latency_sum_us
    into.sessions += row.sessions
    into.sessions_errored += row.sessions_errored
    into.sessions_crashed += row.sessions_crashed
    into.sessions_abnormal += row.sessions_abnormal
    into.users.extend(row.users)


def _add_group(into: GroupRow, row: GroupRow) -> None:
    """Add the sums of a group; its newest event stands for it, by time, then id, then title."""
    into.n += row.n
    into.unhandled += row.unhandled
    into.min_ts = min(into.min_ts, row.min_ts)
    into.max_ts, into.event_id, into.title = max(
        (into.max_ts, into.event_id, into.title), (row.max_ts, row.event_id, row.title)
    )
    into.users.extend(row.users)


def _add_resource(into: ResourceRow, row: ResourceRow) -> None:
    """Add the sums and extremes of a host."""
    into.samples += row.samples
    into.cpu_sum += row.cpu_sum
    into.cpu_max = max(into.cpu_max, row.cpu_max)
    into.memory_sum += row.memory_sum
    into.memory_max = max(into.memory_max, row.memory_max)
    into.memory_rss_max = max(into.memory_rss_max, row.memory_rss_max)
    into.disk_free_sum += row.disk_free_sum
    into.disk_free_min = min(into.disk_free_min, row.disk_free_min)


def _service(row: ServiceRow, at: Closing) -> ServiceWindow:
    """Return the record of a service."""
    return ServiceWindow(
        number=at.number,
        as_of=time_of(at.as_of_ms),
        window_start=time_of(at.start_ms),
        window_s=at.window_s,
        project=row.project,
        service=row.service,
        environment=row.environment,
        seq=at.seq,
        partial=at.partial,
        requests=row.requests,
        requests_failed=row.failed,
        satisfied=row.satisfied,
        tolerating=row.tolerating,
        latency=dict(sorted(row.latency.items())),
        latency_sum_ms=row.latency_sum_us / 1000,
        events_fatal=row.fatal,
        events_error=row.error,
        events_warning=row.warning,
        unhandled=row.unhandled,
        sessions=row.sessions,
        sessions_errored=row.sessions_errored,
        sessions_crashed=row.sessions_crashed,
        sessions_abnormal=row.sessions_abnormal,
        user_hashes=sorted(set(row.users)),
    )


def _group(row: GroupRow, at: Closing) -> GroupWindow:
    """Return the record of a group."""
    return GroupWindow(
        number=at.number,
        as_of=time_of(at.as_of_ms),
        window_start=time_of(at.start_ms),
        window_s=at.window_s,
        project=row.project,
        service=row.service,
        environment=row.environment,
        group_id=row.group_id,
        title=row.title,
        seq=at.seq,
        partial=at.partial,
        n=row.n,
        unhandled=row.unhandled,
        min_ts=time_of(row.min_ts),
        max_ts=time_of(row.max_ts),
        event_id=row.event_id,
        users=len(set(row.users)),
    )


def _resource(row: ResourceRow, at: Closing) -> ResourceWindow:
    """Return the record of a host, in percent."""
    return ResourceWindow(
        number=at.number,
        as_of=time_of(at.as_of_ms),
        window_start=time_of(at.start_ms),
        window_s=at.window_s,
        project=row.project,
        service=row.service,
        environment=row.environment,
        host=row.host,
        seq=at.seq,
        samples=row.samples,
        cpu_sum=row.cpu_sum / 1000,
        cpu_max=row.cpu_max / 1000,
        memory_sum=row.memory_sum / 1000,
        memory_max=row.memory_max / 1000,
        memory_rss_max=row.memory_rss_max,
        disk_free_sum=row.disk_free_sum / 1000,
        disk_free_min=row.disk_free_min / 1000,
    )
