"""Event times as clients write them: RFC 3339, seconds to nanoseconds, dates in words."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipeline.process.values import number

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_MOST_CHARS: Final = 80
# As JavaScript, HTTP, C, Go and Apache write a moment.
_FORMS: Final = (
    "%a %b %d %Y %H:%M:%S GMT%z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%a %b %d %H:%M:%S %Y",
    "%Y/%m/%d %H:%M:%S",
)
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
    """Read ISO 8601 in its variants, a number in a text, or a moment in words."""
    try:
        return _ms_since_epoch(datetime.fromisoformat(value.removesuffix(" UTC")))
    except ValueError:
        return _ms_of_odd_text(value)


def _ms_of_odd_text(value: str) -> int | None:
    """Read a number, and what names its day and month."""
    if len(value) > _MOST_CHARS or not value:
        return None
    try:
        return ms_of(float(value))
    except ValueError:
        words = value.partition(" (")[0]  # JavaScript names the zone once more
    for form in _FORMS:
        try:
            return _ms_since_epoch(datetime.strptime(words, form))  # noqa: DTZ007  UTC is meant
        except ValueError:
            continue
    return None


def _ms_since_epoch(moment: datetime) -> int:
    """Return a moment in ms since the epoch; one without a zone is in UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // _MS
