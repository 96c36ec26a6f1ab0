"""Times as clients write them, and clocks that are wrong by more than a network's delay."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.gateway.raw_event import stamp

# Below it a difference is a slow network or an SDK's offline queue, not a wrong clock.
MIN_DRIFT = timedelta(minutes=55)
_LATEST = 32_503_680_000.0  # the year 3000


def moment(value: Any) -> datetime | None:
    """Return the time in RFC 3339 or in seconds since the epoch, or None if it is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        in_range = math.isfinite(value) and 0 < value < _LATEST
        return datetime.fromtimestamp(value, UTC) if in_range else None
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def drift(sent_at: Any, now: datetime) -> timedelta:
    """Return how far the client's clock is behind ours; zero where that may be the network."""
    sent = moment(sent_at)
    if sent is None or abs(now - sent) <= MIN_DRIFT:
        return timedelta()
    return now - sent


def shifted(value: Any, by: timedelta) -> Any:
    """Return a time moved by the drift; what is no time stays as it is."""
    at = moment(value)
    if at is None or not by:
        return value
    try:
        return stamp(at + by)
    except (OverflowError, ValueError):
        return value
