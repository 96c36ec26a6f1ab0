"""The seed's two rules, by golden vectors."""

from pathlib import Path

from pipeline.detect import detectors
from pipeline.detect.baseline import Point, baseline_of
from pipeline.detect.detectors import DETECTORS
from pipeline.detect.detectors.seed import ErrorRateIncrease, ResponseTimeSpike
from pipeline.model.window import WindowRecord
from tests.detect.build import Run, a_service, a_tick, numbered, run


def points(*times: float | None, rate: float = 0.0) -> list[Point]:
    """Return points with these response times."""
    return [
        Point(n * 60, time, None if time is None else rate, 1.0, 1.0, 0 if time is None else 60, 0)
        for n, time in enumerate(times)
    ]


def a_point(time: float | None, rate: float | None = 0.0) -> Point:
    """Return the current point."""
    return Point(6000, time, rate, 1.0, 1.0, 100, round((rate or 0) * 100))


def test_under_ten_points_nothing_is_said() -> None:
    """6.8 Under 10 points nothing: the tenth point is the first that a spike can follow."""
    spike = ResponseTimeSpike()

    assert spike.judge(points(*[100.0] * 9), a_point(900)) is None
    assert spike.judge(points(*[100.0] * 10), a_point(900)) is not None


def test_the_mean_excludes_the_current_point() -> None:
    """6.8 Golden vectors for both readings: 205 over ten of 100 spikes only without itself."""
    spike = ResponseTimeSpike()
    past = points(*[100.0] * 10)
    current = a_point(205)
    as_the_seed_reads = baseline_of([*past, current]).response_time

    assert spike.judge(past, current) is not None
    assert round(as_the_seed_reads, 4) == 109.5455
    assert current.response_time is not None
    assert current.response_time < 2 * as_the_seed_reads


def test_a_response_time_of_exactly_twice_the_mean_is_no_spike() -> None:
    """6.8 Response time > 2x is a warning: more than twice, not twice."""
    spike = ResponseTimeSpike()
    past = points(*[100.0] * 10)
    found = spike.judge(past, a_point(200.5))

    assert spike.judge(past, a_point(200)) is None
    assert found is not None
    assert (spike.type, spike.severity) == ("response_time_spike", "warning")
    assert (found.observed, found.expected, found.upper, found.n) == (200.5, 100.0, 200.0, 10)


def test_an_error_rate_five_points_above_the_mean_is_critical() -> None:
    """6.8 Error rate > baseline + 0.05 is critical error_rate_increase."""
    increase = ErrorRateIncrease()
    past = points(*[100.0] * 20, rate=0.02)
    found = increase.judge(past, a_point(100, 0.08))

    assert increase.judge(past, a_point(100, 0.069)) is None
    assert found is not None
    assert (increase.type, increase.severity) == ("error_rate_increase", "critical")
    assert (found.numerator, found.denominator, found.n) == (8, 100, 20)
    assert "8 of 100 requests failed (8.00%)" in found.explanation


def test_a_baseline_of_zero_raises_nothing_by_itself() -> None:
    """6.10 0 times 2 is always exceeded: such a baseline says nothing about response times."""
    assert ResponseTimeSpike().judge(points(*[0.0] * 10), a_point(1)) is None


def test_the_baseline_averages_what_has_a_value() -> None:
    """6.10 Response time, error rate, throughput, apdex are averaged; empty minutes have none."""
    base = baseline_of(points(100.0, None, 200.0, rate=0.5))

    assert base == (2, 150.0, 0.5, 1.0, 1.0)


def test_an_anomaly_is_raised_and_ended_once() -> None:
    """6.9 Anomalies are on `signals`: one per window out of the ordinary, one at the end."""
    records: list[WindowRecord] = []
    for n in range(16):
        failed = 40 if n in {12, 13} else 0
        records += [a_service(n, requests=100, requests_failed=failed), a_tick(n + 1)]
    done = run(*records)

    assert [(s.detector, s.resolved, s.observed) for s in done.signals] == [
        ("seed.error_rate_increase", False, 0.4),
        ("seed.error_rate_increase", False, 0.4),
        ("seed.error_rate_increase", True, 0.0),
    ]
    assert len({signal.signal_id for signal in done.signals}) == 3
    assert not any(b"raised" in key for key in done.rows)


def test_silence_does_not_end_an_anomaly() -> None:
    """4.3 A minute without requests is no all-clear."""
    records = [a_service(n, requests=100) for n in range(10)]
    bad = a_service(10, requests=100, requests_failed=90)
    done = run(*records, bad, a_service(11, requests=0), a_service(12, requests=100))

    assert [signal.resolved for signal in done.signals] == [False, True]


def test_a_replay_gives_the_same_ids() -> None:
    """6.9 Anomalies have the same id and value after a replay."""
    records = [a_service(n, requests=100) for n in range(10)]
    records.append(a_service(10, requests=100, ms=900))
    first, second = run(*records), run(*records)

    assert first.signals == second.signals
    assert [signal.type for signal in first.signals] == ["response_time_spike"]


def test_ids_do_not_change_between_versions() -> None:
    """A changed id would raise every anomaly of the log again: this one is pinned."""
    done = Run()
    records = [a_service(n, requests=100) for n in range(10)]
    for record in numbered([*records, a_service(10, requests=100, ms=900)]):
        done.feed(record)

    assert done.signals[0].signal_id == "3445735f-1cf8-563f-b372-d8eef1f29d1a"


def test_every_detector_has_a_name_of_its_own() -> None:
    """Rules name detectors; a name is given once."""
    names = [detector.name for detector in DETECTORS]

    assert len(set(names)) == len(names)


def test_every_module_of_detectors_is_named() -> None:
    """A detector that is written but not named would never run."""
    modules = {path.stem for path in Path(detectors.__file__).parent.glob("[!_]*.py")} - {"verdict"}

    assert {type(detector).__module__.rpartition(".")[2] for detector in DETECTORS} == modules
