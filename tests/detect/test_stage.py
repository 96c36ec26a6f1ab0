"""What the detect stage makes of windows."""

import pytest

from pipeline.detect.partition import Gap
from pipeline.detect.settings import DetectSettings
from pipeline.model.window import OutcomeWindow, WindowRecord
from tests.detect.build import (
    PARTITION,
    START,
    Run,
    a_group,
    a_host,
    a_service,
    a_tick,
    minute,
    run,
)


def test_a_tick_gives_one_metric_per_series() -> None:
    """Each tick tells the rolling values of every series, for the clock it names."""
    done = run(a_service(0), a_service(0, service="cart"), a_tick(1))
    metric = done.metrics[0]

    assert [m.service for m in done.metrics] == ["shop", "cart"]
    assert (metric.number, metric.as_of, metric.window_end) == (3, minute(1.5), minute(1))
    assert sorted(metric.rolling) == [60, 300, 600, 900, 1800, 3600, 21_600, 86_400]


def test_four_minutes_at_six_percent_then_none_follow_the_arithmetic() -> None:
    """4.5 4 min at 6 % then 0 % over a 5 min window follows the arithmetic."""
    records: list[WindowRecord] = []
    for n in range(8):
        records += [a_service(n, requests=100, requests_failed=6 if n < 4 else 0), a_tick(n + 1)]
    done = run(*records)

    assert [m.rolling[300].error_rate for m in done.metrics] == pytest.approx(
        [0.06, 0.06, 0.06, 0.06, 24 / 500, 18 / 500, 12 / 500, 6 / 500]
    )


def test_a_window_without_requests_has_no_error_rate() -> None:
    """6.4 error_rate = failed requests / requests; without requests it is None, not 0."""
    done = run(a_service(0, requests=0, events_error=50), a_tick(1))
    rolling = done.metrics[0].rolling[60]

    assert (rolling.error_rate, rolling.response_time_p95) == (None, None)
    assert (rolling.requests, rolling.events, rolling.apdex) == (0, 50, 1.0)


def test_throughput_counts_empty_minutes() -> None:
    """6.5 throughput = requests/s with empty minutes as 0."""
    records = [a_service(n, requests=60 if n == 0 else 0) for n in range(5)]
    done = run(*records, a_tick(5))

    assert done.metrics[0].rolling[300].throughput == pytest.approx(60 / 300)
    assert done.metrics[0].rolling[60].throughput == 0


def test_a_young_series_says_how_much_it_covers() -> None:
    """covered_s is how much of the window has been seen since the series began."""
    done = run(a_service(0, requests=30), a_service(1, requests=30), a_tick(2))
    rolling = done.metrics[0].rolling

    assert {span: r.covered_s for span, r in rolling.items() if span <= 600} == {
        60: 60,
        300: 120,
        600: 120,
    }
    assert rolling[86_400].covered_s == 120
    assert rolling[300].throughput == pytest.approx(0.5)


def test_resources_tell_of_the_worst_host() -> None:
    """6.6 cpu, memory and disk of the worst host, for a mean over hosts would hide a full one."""
    done = run(
        a_service(0),
        a_host(0, host="a", cpu=10, memory=95, disk_free=60),
        a_host(0, host="b", cpu=80, memory=20, disk_free=8),
        a_tick(1),
    )
    rolling = done.metrics[0].rolling[300]

    assert rolling.cpu_usage_percent == pytest.approx(80)
    assert rolling.memory_usage_percent == pytest.approx(95)
    assert rolling.disk_free_percent == pytest.approx(8)


def test_a_host_that_falls_silent_has_no_data() -> None:
    """4.3 A host without samples gives no value, not its last one."""
    done = run(a_service(0), a_host(0), a_tick(1), a_service(1), a_tick(2))
    before, after = (metric.rolling[60].cpu_usage_percent for metric in done.metrics)

    assert (before, after) == (50.0, None)


def test_the_busiest_groups_are_named() -> None:
    """4.8 The three busiest issues of the last minutes travel with the values."""
    groups = [
        a_group(0, group_id=name, count=n) for name, n in zip("abcd", (5, 9, 1, 7), strict=True)
    ]
    done = run(a_service(0), *groups, a_group(1, group_id="c", count=8), a_tick(2))

    assert [(issue.group_id, issue.n) for issue in done.metrics[0].top] == [
        ("b", 9),
        ("c", 9),
        ("d", 7),
    ]
    assert done.metrics[0].top[0].title == "title of b"


def test_groups_leave_after_five_minutes() -> None:
    """A group that no longer happens is neither named nor kept."""
    done = run(a_service(0), a_group(0, count=3), a_tick(5), a_service(5), a_tick(6))
    first, second = done.metrics

    assert [issue.n for issue in first.top] == [3]
    assert second.top == []
    assert not any(b"issue" in key for key in done.rows)


def test_a_correction_is_no_new_evidence() -> None:
    """X14 A late correction goes to history; it changes no value that alerts are judged by."""
    late = a_service(0, requests=50, requests_failed=50, seq=9)
    done = run(a_service(0, requests=100), late, a_tick(1))

    assert done.metrics[0].rolling[300].error_rate == 0


def test_accounting_is_passed() -> None:
    """An outcome changes nothing but the number."""
    outcome = OutcomeWindow(
        number=1,
        as_of=START,
        hour=START,
        project="default",
        service="shop",
        kind="error",
        outcome="accepted",
        reason="",
        row_id="w:0:0:0",
        quantity=3,
    )
    done = run(outcome, a_service(0), a_tick(1))

    assert len(done.metrics) == 1


def test_a_record_that_comes_again_is_passed() -> None:
    """An equal or lower number was done before: nothing is emitted, nothing is written."""
    done = run(a_service(0), a_tick(1))
    step = done.feed(a_tick(1, number=2))

    assert (step.sent, step.writes, len(done.metrics)) == ([], {}, 1)


def test_a_missing_record_stops_the_worker() -> None:
    """A gap in the numbers means that records were lost on the way."""
    done = run(a_service(0), a_tick(1))

    with pytest.raises(Gap, match="record 4 came after 2"):
        done.feed(a_tick(2, number=4))


def test_a_gap_that_retention_made_is_accepted_when_told() -> None:
    """What retention took is reported by the shell, and the next number is accepted."""
    done = run(a_service(0), a_tick(1))
    done.stage.forgive(PARTITION)
    done.feed(a_tick(1, number=2))
    done.feed(a_tick(2, number=9))

    assert len(done.metrics) == 2


def test_an_unknown_partition_begins_wherever_the_log_begins() -> None:
    """A worker that is added later, or lost its table, starts with the first record it gets."""
    done = Run()
    done.feed(a_service(0, number=700))
    done.feed(a_tick(1, number=701))

    assert len(done.metrics) == 1


@pytest.mark.parametrize(
    ("value", "writes"),
    [(b"not json", 0), (b'{"number":2,"record":"later"}', 1), (b'{"number":1}', 0)],
)
def test_an_unreadable_record_costs_its_neighbours_nothing(value: bytes, writes: int) -> None:
    """What cannot be read is dead-lettered, counts if it has a number, and stops nobody."""
    done = run(a_service(0))
    step = done.stage.feed(PARTITION, value)

    assert (step.bad is None) == (value == b'{"number":1}')
    assert len(step.writes) == writes

    done.feed(a_tick(1, number=2 + writes))

    assert len(done.metrics) == 1


def test_a_series_that_is_silent_for_a_day_is_forgotten() -> None:
    """6.7 Memory and table hold at most 24 h of history per series."""
    done = run(a_service(0), a_host(0), a_group(0), a_tick(1), a_tick(26 * 60))

    assert len(done.metrics) == 1
    assert len(done.rows) == 1


def test_an_hour_becomes_one_row_and_a_day_at_most_twenty_six() -> None:
    """6.7 Beyond an hour there are hour rows; what leaves the longest window is deleted."""
    records: list[WindowRecord] = []
    for n in range(27 * 60):
        records += [a_service(n, requests=1), a_tick(n + 1)]
    done = run(*records)
    rolling = done.metrics[-1].rolling

    assert sum(b"hour" in key for key in done.rows) == 24
    assert sum(b"bucket" in key for key in done.rows) == 60
    assert (rolling[3600].requests, rolling[21_600].requests) == (60, 360)
    assert (rolling[86_400].requests, rolling[86_400].covered_s) == (1440, 86_400)


def test_settings_refuse_windows_that_do_not_fill_a_minute() -> None:
    """The shortest rolling window is a minute."""
    with pytest.raises(ValueError, match="does not divide a minute"):
        DetectSettings(window_s=45)
