"""What is missing after a crash, and which buckets have to be counted anew. Pure."""

from collections.abc import Collection
from typing import NamedTuple


class Rollup(NamedTuple):
    """A materialized view's target: how a row of ``events`` finds its bucket, and the view itself.

    ``select`` is the view's query over ``{source}`` with columns in the order of the table.
    """

    table: str
    bucket: str
    expression: str
    select: str


ROLLUPS = (
    Rollup(
        "events_1m",
        "minute",
        "toStartOfMinute(ts)",
        "SELECT toStartOfMinute(ts) AS minute, project, service, environment, level, src_partition,"
        " count() AS count, sum(sample_weight) AS weighted, countIf(NOT handled) AS unhandled"
        " FROM {source} GROUP BY minute, project, service, environment, level, src_partition",
    ),
    Rollup(
        "groups_1h",
        "hour",
        "toStartOfHour(ts)",
        "SELECT toStartOfHour(ts) AS hour, project, service, environment, group_id, src_partition,"
        " count() AS count, sum(sample_weight) AS weighted,"
        " uniqStateIf(user_id, user_id != '') AS users,"
        " min(ts) AS first_seen, max(ts) AS last_seen,"
        " groupUniqArrayIf(20)(release::String, release != '') AS releases"
        " FROM {source} GROUP BY hour, project, service, environment, group_id, src_partition",
    ),
    Rollup(
        "stored_1h",
        "hour",
        "toStartOfHour(received_at)",
        "SELECT toStartOfHour(received_at) AS hour, project, service, src_partition,"
        " count() AS count FROM {source} GROUP BY hour, project, service, src_partition",
    ),
)


class Plan(NamedTuple):
    """What to do on assignment: nothing, or insert again up to ``end`` and verify."""

    first: int
    end: int
    is_anew: bool


def plan(committed: int, end: int | None, stored: Collection[int], high: int) -> Plan | None:
    """Return what has to be settled before the first insert; None if nothing is open.

    ``stored`` are the offsets at or above the committed one that are already in ClickHouse. A
    stored offset beyond the end of the partition means that the topic was made anew.
    """
    is_anew = bool(stored) and max(stored) >= high
    if end is None and not stored:
        return None
    last = max(stored, default=committed - 1) + 1
    return Plan(committed, max(end or last, last), is_anew)


def missing(expected: Collection[int], stored: Collection[int]) -> list[int]:
    """Return the offsets that are not stored, in order."""
    return sorted(set(expected) - set(stored))
