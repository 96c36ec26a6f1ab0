"""What is counted and when: times, frames, requests, sessions, hosts, the accounting."""

from datetime import timedelta

import msgspec
import pytest

from pipeline.model.frame import OutcomeRow, ResourceRow, ServiceRow
from pipeline.model.novel import Mark
from pipeline.model.stage import Sent
from tests.build import AT, AT_MS
from tests.process.build import (
    PARTITIONS,
    a_stage,
    an_event,
    fed,
    novel,
    rows,
    ticked,
)

ID = "9a024377723e483bbe567652f9ea22d3"


@pytest.mark.parametrize(
    ("offset_s", "counted_s"),
    [(-10, -10), (-40 * 86_400, -30 * 86_400), (200, 200), (3600, 300)],
)
def test_event_times_are_clamped(offset_s: int, counted_s: int) -> None:
    """R16 An event time counts from 30 days before the broker's to 5 minutes after it."""
    row = novel(an_event(timestamp=(AT + timedelta(seconds=offset_s)).isoformat())).row

    assert row.ts == AT + timedelta(seconds=counted_s)
    assert row.received_at == AT


def test_a_fast_clock_does_not_move_the_watermark() -> None:
    """The watermark of a source is the newest event time, and never beyond the broker's."""
    stage = a_stage()
    fed(stage, an_event(timestamp=(AT - timedelta(seconds=9)).isoformat()))
    before = ticked(stage)[0][0].sources[0]
    fed(stage, an_event(timestamp=(AT + timedelta(hours=1)).isoformat()), offset=1)
    after = ticked(stage)[0][0].sources[0]

    assert before == (0, 0, AT_MS - 9000)
    assert after == (1, 1, AT_MS)


def test_every_partition_gets_a_frame() -> None:
    """A batch writes one frame to each partition of frames, and a mark to each of events.novel."""
    stage = a_stage()
    fed(stage, an_event())
    frames, marks, _ = ticked(stage)

    assert len(frames) == PARTITIONS
    assert {frame.n_sources for frame in frames} == {PARTITIONS}
    assert [mark.partition for mark in marks] == list(range(PARTITIONS))
    assert msgspec.json.decode(marks[0].value or b"", type=Mark).watermarks == {0: AT_MS}


def test_an_idle_stage_is_silent_until_the_heartbeat() -> None:
    """Nothing read: no frame, but a heartbeat of what has caught up."""
    stage = a_stage()
    fed(stage, an_event())
    ticked(stage)

    assert ticked(stage, AT + timedelta(seconds=1), {0})[0] == []
    frames, marks, _ = ticked(stage, AT + timedelta(seconds=30), {0})
    assert frames[0].sources == {0: (1, 0, AT_MS + 20_000)}
    assert len(marks) == PARTITIONS
    assert ticked(stage, AT + timedelta(seconds=60))[0] == []


def test_requests() -> None:
    """6.4 Requests count as failed from status 500 on, and by how long they took."""
    stage = a_stage()
    for n, (status, ms) in enumerate([(200, 100), (404, 900), (500, 100), (503, 5000)]):
        request = an_event(kind="request", message=None, status=status, duration_ms=ms, route="/x")
        assert fed(stage, request, offset=n) == []
    (row,) = rows(stage, ServiceRow)

    assert (row.requests, row.failed, row.satisfied, row.tolerating) == (4, 2, 2, 1)
    assert (row.latency_sum_us, sum(row.latency.values())) == (6_100_000, 4)


def test_sampled_requests_count_for_all() -> None:
    """2.19 A request of weight 10 counts ten times."""
    stage = a_stage()
    request = an_event(kind="request", message=None, status=500, duration_ms=1, sample_weight=10)
    fed(stage, request)
    (row,) = rows(stage, ServiceRow)

    assert (row.requests, row.failed) == (10, 10)


def test_sessions() -> None:
    """Sessions are counted by how they ended."""
    stage = a_stage()
    fed(stage, an_event(kind="session", message=None, exited=7, errored=2, crashed=1, abnormal=0))
    (row,) = rows(stage, ServiceRow)

    assert (row.sessions, row.sessions_errored, row.sessions_crashed) == (10, 2, 1)


def test_resources() -> None:
    """A host's sample is kept in thousandths of a point."""
    stage = a_stage()
    fed(stage, an_event(kind="resource", message=None, host="w1", cpu_percent=37.5))
    (row,) = rows(stage, ResourceRow)

    assert (row.host, row.samples, row.cpu_sum, row.disk_free_min) == ("w1", 1, 37_500, 100_000)


def test_accounting() -> None:
    """Accepted = rows + aggregated + duplicate + dead-lettered, by service and kind."""
    stage = a_stage()
    request = an_event(kind="request", message=None, status=200, duration_ms=1)
    said = fed(stage, an_event(event_id=ID), an_event(event_id=ID), request, {"service": "shop"})
    totals: dict[tuple[str, str], int] = {}
    for row in rows(stage, OutcomeRow):
        assert row.service == "shop"
        totals[row.event_kind, row.outcome] = row.n

    assert totals == {
        ("error", "accepted"): 3,
        ("error", "duplicate"): 1,
        ("error", "dead_lettered"): 1,
        ("request", "accepted"): 1,
        ("request", "aggregated"): 1,
    }
    assert len([answer for answer in said if isinstance(answer, Sent)]) == 1
