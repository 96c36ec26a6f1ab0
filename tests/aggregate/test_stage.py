"""What the aggregate stage makes of frames."""

from datetime import datetime

import msgspec
import pytest

from pipeline.aggregate.settings import AggregateSettings
from pipeline.aggregate.stage import FRAMES, AggregateStage
from pipeline.frames.codec import encode
from pipeline.model.frame import Frame
from pipeline.model.stage import Sent, Unreadable
from pipeline.model.window import (
    GroupWindow,
    OutcomeWindow,
    ResourceWindow,
    ServiceWindow,
    Tick,
    WindowRecord,
)
from tests.aggregate.build import (
    HOME,
    PARTITION,
    Run,
    a_frame,
    a_group,
    a_resource,
    a_service,
    an_outcome,
    at,
    records,
    run,
)
from tests.build import AT, a_record


def kinds(records: list[WindowRecord]) -> list[str]:
    """Return the kinds of records in order."""
    return [type(record).__name__.removesuffix("Window") for record in records]


def minute_of(moment: datetime) -> float:
    """Return a time in minutes after the start of the test's day."""
    return (moment.timestamp() * 1000 - at(0)) / 60_000


def test_a_window_stays_open_until_the_clock_minus_the_grace_passes_its_end() -> None:
    """A window [s, s + W) closes at clock - grace >= s + W, not before."""
    early = run(a_frame(a_service(0, error=1), raw=1.49))
    due = run(a_frame(a_service(0, error=1), raw=1.5))

    assert early.closed() == []
    assert kinds(due.windows) == ["Service", "Tick"]


def test_a_closed_window_holds_the_sums_of_its_frames() -> None:
    """6.1 A row per service, environment and minute holds the sums of all frames."""
    done = run(
        a_frame(a_service(0, error=1, requests=4, failed=1, satisfied=2, latency={10: 1}), raw=0.5),
        a_frame(a_service(0, fatal=1, requests=6, tolerating=3, latency={10: 2, 12: 1}), raw=0.5),
        a_frame(a_service(0, users=[7, 9], latency_sum_us=1500), raw=0.6),
        a_frame(a_service(0, users=[9, 3], unhandled=1), raw=2),
    )
    window = done.closed()[0]

    assert isinstance(window, ServiceWindow)
    assert (window.number, window.seq, window.partial) == (1, 0, False)
    assert (window.requests, window.requests_failed) == (10, 1)
    assert (window.satisfied, window.tolerating) == (2, 3)
    assert window.latency == {10: 3, 12: 1}
    assert window.latency_sum_ms == 1.5
    assert (window.events_fatal, window.events_error, window.unhandled) == (1, 1, 1)
    assert window.user_hashes == [3, 7, 9]
    assert window.as_of.timestamp() * 1000 == at(2)


def test_a_late_row_gives_one_correction() -> None:
    """A row of a closed window is sent on once, as the difference, with seq = frame offset + 1."""
    done = run(
        a_frame(a_service(0, error=1), raw=2),
        a_frame(a_service(0, error=2), a_service(0, warning=1), raw=2),
    )
    late = done.closed()[-1]

    assert isinstance(late, ServiceWindow)
    assert (late.seq, late.events_error, late.events_warning) == (2, 2, 1)
    assert [note.name for note in done.notes] == ["late_rows"]


def test_a_row_within_the_grace_is_not_late() -> None:
    """4.5 A late event within the lateness allowed changes its window."""
    done = run(
        a_frame(a_service(0, error=1), raw=1.4),
        a_frame(a_service(0, error=1), raw=1.5),
    )
    window = done.closed()[0]

    assert isinstance(window, ServiceWindow)
    assert (window.seq, window.events_error) == (0, 2)


def test_groups_wait_for_novel_events_too() -> None:
    """Group windows close with the group clock, services and hosts with the service clock."""
    done = Run()
    first = a_frame(a_service(0, error=1), a_group(0), a_resource(0, samples=1), raw=2)
    done.batch(records([first]))

    assert kinds(done.windows) == ["Resource", "Service", "Tick"]

    done.batch(records([a_frame(a_group(0, n=2, event_id="e2"), novel=2)], first=1))
    group = done.windows[-1]

    assert isinstance(group, GroupWindow)
    assert (group.n, group.event_id, group.number) == (3, "e2", 4)


def test_each_source_must_be_heard_first() -> None:
    """Nothing closes while one partition of events.raw has not been heard of."""
    silent = run(a_frame(a_service(0, error=1), raw=5), partitions=1)
    known = Frame(1, "process", 2, {0: (0, 9, at(5))}, [a_service(0, error=1)])
    waiting = run(known, partitions=2)
    heard = run(known, Frame(1, "process", 2, {1: (0, 9, at(5))}, []), partitions=2)

    assert len(silent.ticks()) > 0
    assert waiting.windows == []
    assert len(heard.ticks()) > 0


def test_a_guess_of_too_many_sources_is_corrected_by_the_first_frame() -> None:
    """The frames say how many partitions there are; the setting is only what is expected."""
    done = run(a_frame(a_service(0, error=1), raw=5), partitions=9)

    assert len(done.ticks()) > 0


def test_every_window_has_a_tick_also_an_empty_one() -> None:
    """Each W of the clock gives a tick, also if nothing closed."""
    done = run(a_frame(a_service(0, error=1), raw=1.5), a_frame(raw=4.5))

    assert [minute_of(tick.window_end) for tick in done.ticks()] == [1, 2, 3, 4]


def test_a_series_gets_empty_windows_for_a_day_and_a_group_does_not() -> None:
    """6.5 Empty minutes count as 0: a series seen within `series_s` gets zero windows."""
    done = run(
        a_frame(a_service(0, requests=5), a_group(0), raw=1.5),
        a_frame(novel=1.5),
        a_frame(raw=6.5),
        a_frame(novel=6.5),
        series_s=180,
    )
    services = [r for r in done.closed() if isinstance(r, ServiceWindow)]
    groups = [r for r in done.closed() if isinstance(r, GroupWindow)]

    assert [s.requests for s in services] == [5, 0, 0, 0]
    assert [minute_of(service.window_start) for service in services] == [0, 1, 2, 3]
    assert len(groups) == 1
    assert done.clock().series == []


def test_a_jump_of_the_clock_fills_at_most_the_last_day() -> None:
    """A clock that jumps over a month brings neither a month of ticks nor of empty windows."""
    done = run(a_frame(a_service(0, requests=5), raw=1.5), a_frame(raw=43_200))

    assert len(done.ticks()) == 1 + 24 * 60


def test_a_silent_source_holds_the_clock_for_the_idle_limit() -> None:
    """A source that is silent for longer leaves the minimum, and what closes then is partial."""
    opened = Frame(1, "process", 2, {0: (0, 9, at(1)), 1: (0, 9, at(1))}, [a_service(0, error=1)])
    alone = [Frame(1, "process", 2, {0: (10, 9, at(9))}, []) for _ in range(3)]
    log = records([opened, *alone], step_ms=9000)
    done = Run(partitions=2, idle_s=20)
    done.batch(log[:3])

    assert done.windows == []

    done.batch(log[3:])
    window = done.closed()[0]

    assert isinstance(window, ServiceWindow)
    assert window.partial
    assert [note.name for note in done.notes if note.labels["source"] == "raw"] == ["source_silent"]


def test_a_total_outage_does_not_make_sources_silent() -> None:
    """A pause between frames counts for 10 s at most: nobody wrote, so nobody is silent."""
    both = {0: (0, 9, at(1)), 1: (0, 9, at(1))}
    log = records(
        [
            Frame(1, "process", 2, both, [a_service(0)]),
            Frame(1, "process", 2, {0: (9, 8, at(9))}, []),
        ],
        step_ms=3_600_000,
    )
    done = Run(partitions=2, idle_s=20)
    done.batch(log)

    assert done.windows == []


def test_a_source_that_wakes_up_cannot_reopen_what_is_closed() -> None:
    """The clock of closed windows never goes back."""
    both = {0: (0, 9, at(1)), 1: (0, 9, at(1))}
    frames = [
        Frame(1, "process", 2, both, [a_service(0, error=1)]),
        *(Frame(1, "process", 2, {0: (10, 9, at(9))}, []) for _ in range(3)),
        Frame(1, "process", 2, {1: (10, 12, at(1.5))}, [a_service(1, error=3)]),
    ]
    done = Run(partitions=2, idle_s=20)
    done.batch(records(frames, step_ms=9000))
    late = done.closed()[-1]

    assert isinstance(late, ServiceWindow)
    assert (late.seq, late.events_error) == (5, 3)
    assert late.as_of.timestamp() * 1000 == at(9)
    assert [note.name for note in done.notes][-2:] == ["late_rows", "source_heard"]


def test_accounting_stands_in_the_hour_of_receipt() -> None:
    """Outcomes close with the service clock; their row id is unique per partition and window."""
    done = run(a_frame(an_outcome(0, n=4), raw=2), a_frame(an_outcome(0, n=1), raw=2))
    first, late = done.closed()

    assert isinstance(first, OutcomeWindow)
    assert isinstance(late, OutcomeWindow)
    assert first.hour.isoformat() == "2026-11-24T12:00:00+00:00"
    assert (first.quantity, first.row_id) == (4, f"w:{PARTITION}:{at(0) // 1000}:0")
    assert (late.quantity, late.row_id) == (1, f"w:{PARTITION}:{at(0) // 1000}:2")


def test_resources_are_told_in_percent() -> None:
    """Frames hold thousandths of a point, windows percent."""
    row = a_resource(0, samples=2, cpu_sum=150_000, cpu_max=90_000, disk_free_sum=20_500)
    done = run(a_frame(row, raw=2))
    window = done.closed()[0]

    assert isinstance(window, ResourceWindow)
    assert (window.samples, window.cpu_sum, window.cpu_max) == (2, 150.0, 90.0)
    assert window.disk_free_sum == 20.5


def test_records_are_numbered_without_gaps() -> None:
    """The next stage proves its input by the numbers 1, 2, 3 ... of its partition."""
    done = run(
        a_frame(a_service(0, error=1), a_group(0), raw=1.5),
        a_frame(a_service(0, error=1), raw=3, novel=None),
        a_frame(novel=4),
    )

    assert [record.number for record in done.windows] == list(range(1, len(done.windows) + 1))


def test_offsets_framed_twice_are_reported() -> None:
    """An overlap of [first, last] for one source is counted: it must never happen."""
    done = run(
        a_frame(raw=0, covers=(0, 9)),
        a_frame(raw=0, covers=(10, 9)),
        a_frame(raw=0, covers=(9, 12)),
    )

    assert [(n.name, n.labels) for n in done.notes] == [("frame_overlap", {"source": "raw"})]


def test_the_oldest_frame_of_an_open_window_is_held() -> None:
    """The committed offset is the oldest frame that still feeds an open window."""
    done = Run()
    done.batch(records([a_frame(raw=0), a_frame(a_service(1, error=1), raw=0), a_frame(raw=0)]))

    assert done.committed == 1

    done.batch(records([a_frame(raw=5)], first=3))

    assert done.committed == 4


def test_a_series_beyond_the_limit_is_counted_but_gets_no_empty_windows() -> None:
    """Names without end cannot make the clock record grow without end."""
    rows = [a_service(0, service=f"s{n}", requests=1) for n in range(5)]
    done = run(a_frame(*rows, raw=1.5), a_frame(raw=2.5), series_limit=2)

    assert len(done.closed()) == 5 + 2
    assert [note.name for note in done.notes] == ["series_refused"] * 3


def test_an_unreadable_frame_is_refused_once() -> None:
    """A broken frame is a dead letter; read again after a restart it is passed."""
    good, bad = records([a_frame(a_service(0, error=1), raw=1)])[0], b"not msgpack"
    broken = a_record(bad, topic=FRAMES, partition=PARTITION, offset=1)
    done = Run()
    done.batch([good])
    with pytest.raises(Unreadable):
        list(done.stage.feed(broken, AT))
    done.batch([])
    done.restart()
    done.batch([good, broken, *records([a_frame(raw=2)], first=2)])

    assert kinds(done.windows) == ["Service", "Tick"]


def test_records_keep_the_partition_of_their_frames() -> None:
    """windows, metrics, signals and alerts share one partition of a service and environment."""
    stage = AggregateStage(settings=AggregateSettings(), partitions=1)
    stage.assign({HOME: 0})
    frame = encode(a_frame(a_service(0, error=1), an_outcome(0), raw=2))
    record = a_record(frame, topic=FRAMES, partition=PARTITION)
    sent = [output for output in stage.feed(record, AT) if isinstance(output, Sent)]

    assert {message.partition for message in sent} == {PARTITION}
    assert [m.key for m in sent] == [b"shop\0", b"shop\0production", None]
    assert isinstance(msgspec.json.decode(sent[-1].value or b"", type=WindowRecord), Tick)


def test_settings_refuse_a_window_that_straddles_minutes() -> None:
    """The shortest rolling window, a minute, is a multiple of every window."""
    with pytest.raises(ValueError, match="does not divide a minute"):
        AggregateSettings(window_s=7)
