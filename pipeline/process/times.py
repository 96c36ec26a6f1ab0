"""Event times as clients write them: RFC 3339, epoch seconds or milliseconds, log formats."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipeline.process.values import number

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_LATEST_S: Final = 32_503_680_000  # the year 3000: greater numbers are milliseconds or finer


def ms_of(value: Any) -> int | None:
    """Return a time in ms since the epoch, or None if it is none."""
    if isinstance(value, str):
        return _ms_of_text(value.strip())
    seconds = number(value)
    if seconds is None or seconds <= 0:
        return None
    for _ in range(4):  # seconds, milliseconds, microseconds, nanoseconds
        if seconds <= _LATEST_S:
            return round(seconds * 1000)
        seconds /= 1000
    return None


def at(ms: int) -> datetime:
    """Return a time in ms since the epoch as a datetime."""
    return EPOCH + timedelta(milliseconds=ms)


def _ms_of_text(value: str) -> int | None:
    """Read ISO 8601 in its variants, or a number in a text."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return _ms_of_odd_text(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MS


def _ms_of_odd_text(value: str) -> int | None:
    """Read ``2026-11-23 15:53:59,998``, and a number in a text."""
    if len(value) > 40 or not value:
        return None
    if "," in value:
        return _ms_of_text(value.replace(",", "."))
    try:
        return ms_of(float(value))
    except ValueError:
        return None
