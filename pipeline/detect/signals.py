"""Anomalies as signals, under ids that a repeat gives again."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from pipeline.detect.detectors.verdict import Anomaly, Detector
from pipeline.detect.series import Id
from pipeline.model.signal import Signal
from pipeline.model.window import ServiceWindow

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def seconds_of(moment: datetime) -> int:
    """Return whole seconds since the epoch."""
    return int(moment.timestamp())


def raise_signal(detector: Detector, window: ServiceWindow, anomaly: Anomaly) -> Signal:
    """Return what tells that a window is out of the ordinary."""
    series = Id(window.project, window.service, window.environment)
    return Signal(
        signal_id=_id(detector, series, seconds_of(window.window_start), "raised"),
        kind="anomaly",
        at=window.as_of,
        window_start=window.window_start,
        window_end=window.window_start + timedelta(seconds=window.window_s),
        project=series.project,
        service=series.service,
        environment=series.environment,
        metric=anomaly.metric,
        detector=detector.name,
        type=detector.type,
        severity=detector.severity,
        observed=anomaly.observed,
        expected=anomaly.expected,
        upper=anomaly.upper,
        score=anomaly.observed / anomaly.expected if anomaly.expected else 0.0,
        numerator=anomaly.numerator,
        denominator=anomaly.denominator,
        explanation=anomaly.explanation,
    )


def end_signal(
    detector: Detector, series: Id, metric: str, at: datetime, start_s: int, window_s: int
) -> Signal:
    """Return what tells that an anomaly is over."""
    start = _EPOCH + timedelta(seconds=start_s)
    return Signal(
        signal_id=_id(detector, series, start_s, "ended"),
        kind="anomaly",
        at=at,
        window_start=start,
        window_end=start + timedelta(seconds=window_s),
        project=series.project,
        service=series.service,
        environment=series.environment,
        metric=metric,
        detector=detector.name,
        type=detector.type,
        severity=detector.severity,
        resolved=True,
        explanation=f"{metric} is ordinary again",
    )


def _id(detector: Detector, series: Id, start_s: int, what: str) -> str:
    """Return the id of what a detector said about a window of a series."""
    parts = (detector.name, str(detector.version), *series, str(start_s), what)
    return str(uuid5(NAMESPACE_URL, "\0".join(parts)))
