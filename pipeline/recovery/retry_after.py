"""How long the other side asks to be left alone: seconds or an HTTP date."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds(asked: object, now: datetime) -> float | None:
    """Return the seconds that are asked for, None if nothing usable is; 0 is an answer."""
    if isinstance(asked, int | float) and not isinstance(asked, bool):
        return float(asked) if asked >= 0 and math.isfinite(asked) else None
    text = asked.strip() if isinstance(asked, str) else ""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def asked_by(error: BaseException, now: datetime) -> float | None:
    """Return the seconds that an error asks for: its own word, else its response's header."""
    own = seconds(getattr(error, "retry_after", None), now)
    if own is not None:
        return own
    for holder in (error, getattr(error, "response", None)):
        get = getattr(getattr(holder, "headers", None), "get", None)
        if callable(get):
            found = seconds(get("Retry-After") or get("retry-after"), now)
            if found is not None:
                return found
    return None
