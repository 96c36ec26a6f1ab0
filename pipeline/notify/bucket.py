"""How fast a channel may be sent to: a token bucket."""

from datetime import datetime, timedelta

import msgspec


class Bucket(msgspec.Struct, frozen=True):
    """Tokens as of a time; one message takes one."""

    per_s: float
    burst: float
    tokens: float
    at: datetime | None = None

    def free_at(self, now: datetime) -> datetime:
        """Return when the next token is there."""
        missing = 1.0 - self._tokens(now)
        return now if missing <= 1e-9 else now + timedelta(seconds=missing / self.per_s)

    def taken(self, now: datetime) -> "Bucket":
        """Return the bucket after one message."""
        return Bucket(self.per_s, self.burst, self._tokens(now) - 1.0, now)

    def _tokens(self, now: datetime) -> float:
        """Return the tokens there are now."""
        since = (now - self.at).total_seconds() if self.at is not None else 0.0
        return min(self.burst, self.tokens + max(0.0, since) * self.per_s)
