"""What is missing after a crash, and which buckets have to be counted anew. Pure."""

from collections.abc import Collection
from typing import NamedTuple

from pipeline.sink.intent import Intent


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


class Step(NamedTuple):
    """One range of offsets that has to be settled before the first insert.

    ``whole``: insert every row again under the batch's own token, which fills what is missing and
    makes a zombie's late copy a duplicate; otherwise only what is missing. ``recount``: an insert
    may have ended in the middle, so the rollups it feeds are counted anew.
    """

    first: int
    end: int
    skip: tuple[int, ...] = ()
    whole: bool = False
    recount: bool = False


def steps(
    first: int, intent: Intent | None, stored_end: int, chunk: int, *, is_cut: bool
) -> list[Step]:
    """Return what is to be settled from the position ``first`` on, in order; mostly nothing.

    ``stored_end`` is the offset after the last one that ClickHouse has. An intent is a batch whose
    fate is unknown. Rows beyond it come from a group that was put back: their batches are unknown,
    so only what is missing is inserted, ``chunk`` offsets at a time. ``is_cut`` says that retention
    took the batch's beginning: its token can no longer be formed.
    """
    found = []
    if intent is not None and intent.end > first:
        whole = not intent.mend and not is_cut
        found.append(Step(first, intent.end, intent.skip, whole=whole, recount=True))
        first = intent.end
    found += [
        Step(at, min(at + chunk, stored_end)) for at in range(first, max(stored_end, first), chunk)
    ]
    return found


def missing(expected: Collection[int], stored: Collection[int]) -> list[int]:
    """Return the offsets that are not stored, in order."""
    return sorted(set(expected) - set(stored))
