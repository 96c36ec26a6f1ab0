"""When the next attempt is: what the server asks for, else back-off with full jitter."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b

from pipeline.notify.exchange import Reply

FIRST_S, LAST_S = 1.0, 300.0
LIMITED_S = 60.0
BROKEN_S = 300.0


def retry_after_s(reply: Reply, now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for, given as seconds or as a date."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def chance(notification_id: str, attempt: int) -> float:
    """Return a number from 0 to 1 that differs between notices and attempts, and never changes."""
    seed = blake2b(f"{notification_id}\0{attempt}".encode(), digest_size=4).digest()
    return int.from_bytes(seed, "big") / 2**32


def backoff_s(attempt: int, u: float) -> float:
    """Return a wait between 1 s and a limit that doubles with each attempt up to 5 min."""
    limit = min(LAST_S, FIRST_S * 2.0 ** min(attempt, 16))
    return FIRST_S + u * (limit - FIRST_S)


def wait_s(reply: Reply, attempt: int, notification_id: str, now: datetime) -> float:
    """Return how long to wait after a failed attempt; never shorter than the server asks for."""
    asked = retry_after_s(reply, now)
    if asked is not None:
        return asked
    if reply.status == 429:
        return LIMITED_S
    return backoff_s(attempt, chance(notification_id, attempt))
