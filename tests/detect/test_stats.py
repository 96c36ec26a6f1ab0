"""Rates, quantiles and apdex."""

from random import Random

import pytest

from pipeline.detect.stats import apdex, error_rate, quantiles
from pipeline.frames.sketch import bucket_of


def test_apdex_counts_tolerated_requests_half() -> None:
    """6.12 apdex = (satisfied + tolerating / 2) / n; n = 0 gives 1."""
    assert apdex(6, 2, 10) == 0.7
    assert apdex(0, 0, 0) == 1.0


def test_an_error_rate_needs_requests() -> None:
    """6.4 No requests gives None, not 0."""
    assert error_rate(0, 0) is None
    assert error_rate(1, 4) == 0.25


def test_quantiles_of_nothing_are_nothing() -> None:
    """6.4 Without durations there is no quantile."""
    assert quantiles({}, (0.5, 0.95)) == [None, None]


@pytest.mark.parametrize("seed", range(5))
def test_an_hour_merged_from_minutes_has_the_quantiles_of_its_values(seed: int) -> None:
    """6.3 p95 of 1 h merged from minutes equals p95 of the raw values within 1 %."""
    random = Random(seed)
    values = sorted(random.lognormvariate(4.5, 1.2) for _ in range(6000))
    merged: dict[int, int] = {}
    for value in values:
        merged[bucket_of(value)] = merged.get(bucket_of(value), 0) + 1
    raw = [values[int(share * 6000) - 1] for share in (0.5, 0.95, 0.99)]

    assert quantiles(merged, (0.5, 0.95, 0.99)) == pytest.approx(raw, rel=0.01)


def test_golden_quantiles() -> None:
    """6.3 Pinned: a change of these moves every chart."""
    latency = {bucket_of(ms): n for ms, n in ((12, 70), (80, 25), (950, 4), (4000, 1))}

    assert quantiles(latency, (0.5, 0.95, 0.99)) == pytest.approx(
        [12.0033, 80.3372, 954.8568], abs=1e-3
    )
