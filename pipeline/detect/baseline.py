"""What a series was like lately: the mean of its last points, as the seed's rules want it."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.detect.stats import apdex, error_rate


class Point(NamedTuple):
    """One closed window of a series; None where there was no request."""

    start_s: int
    response_time: float | None
    error_rate: float | None
    throughput: float
    apdex: float
    requests: int
    failed: int


class Baseline(NamedTuple):
    """Means over the points that had a value; ``n`` counts those with requests."""

    n: int
    response_time: float
    error_rate: float
    throughput: float
    apdex: float


def point_of(start_s: int, window_s: int, values: tuple[int, ...]) -> Point:
    """Return the point of a bucket; ``values`` as ``series.VALUES`` orders them."""
    requests, failed, satisfied, tolerating, _, latency_sum_us = values
    return Point(
        start_s=start_s,
        response_time=latency_sum_us / 1000 / requests if requests else None,
        error_rate=error_rate(failed, requests),
        throughput=requests / window_s,
        apdex=apdex(satisfied, tolerating, requests),
        requests=requests,
        failed=failed,
    )


def baseline_of(points: Iterable[Point]) -> Baseline:
    """Return the means of these points."""
    points = list(points)
    times = [p.response_time for p in points if p.response_time is not None]
    rates = [p.error_rate for p in points if p.error_rate is not None]
    return Baseline(
        n=len(times),
        response_time=_mean(times),
        error_rate=_mean(rates),
        throughput=_mean([p.throughput for p in points]),
        apdex=_mean([p.apdex for p in points]),
    )


def _mean(values: list[float]) -> float:
    """Return the mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
