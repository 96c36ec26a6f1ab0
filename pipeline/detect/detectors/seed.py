"""The seed's two rules: simple, noisy by today's measure; recorded, but nobody is paged by them.

Both compare with the mean of the last 60 points without the current one, and say nothing before
ten points are there.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from pipeline.detect.baseline import Point, baseline_of
from pipeline.detect.detectors.verdict import Anomaly

NEEDED: Final = 10


class ResponseTimeSpike(msgspec.Struct, frozen=True):
    """Response time above twice its baseline."""

    name: str = "seed.response_time_spike"
    type: str = "response_time_spike"
    severity: str = "warning"
    version: int = 1
    factor: float = 2.0

    def judge(self, history: Sequence[Point], point: Point) -> Anomaly | None:
        """Return a warning if the response time is more than ``factor`` times the mean."""
        base, value = baseline_of(history), point.response_time
        limit = base.response_time * self.factor
        if value is None or base.n < NEEDED or not limit or value <= limit:
            return None
        return Anomaly(
            metric="response_time",
            observed=value,
            expected=base.response_time,
            upper=limit,
            n=base.n,
            denominator=point.requests,
            explanation=f"response time {value:.1f} ms is more than {self.factor:g} times the mean "
            f"of {base.n} points, {base.response_time:.1f} ms",
        )


class ErrorRateIncrease(msgspec.Struct, frozen=True):
    """Error rate more than five points above its baseline."""

    name: str = "seed.error_rate_increase"
    type: str = "error_rate_increase"
    severity: str = "critical"
    version: int = 1
    margin: float = 0.05

    def judge(self, history: Sequence[Point], point: Point) -> Anomaly | None:
        """Return a critical anomaly if the error rate is more than ``margin`` above the mean."""
        base, value = baseline_of(history), point.error_rate
        limit = base.error_rate + self.margin
        if value is None or base.n < NEEDED or value <= limit:
            return None
        return Anomaly(
            metric="error_rate",
            observed=value,
            expected=base.error_rate,
            upper=limit,
            n=base.n,
            numerator=point.failed,
            denominator=point.requests,
            explanation=f"{point.failed} of {point.requests} requests failed ({value:.2%}), more "
            f"than {self.margin:.0%} above the mean of {base.n} points, {base.error_rate:.2%}",
        )
