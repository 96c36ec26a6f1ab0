"""How many rows a service may store: a token bucket, filled by the broker's time.

Each partition of ``events.raw`` has buckets of its own, so that the answer depends on its content
alone, and a replay gives the same.
"""

from typing import Final

import msgspec

_MOST_SERVICES: Final = 10_000
Owner = tuple[str, str]


class Bucket(msgspec.Struct):
    """What is left for one service, as of the time of its last event."""

    tokens: float
    at_ms: int


class Quota:
    """The buckets of one partition; ``changed`` names what a restart has to learn."""

    def __init__(self, per_minute: float, burst: float) -> None:
        self.changed: set[Owner] = set()
        self._per_ms = per_minute / 60_000
        # With less than one token a service could never store anything.
        self._burst = max(burst, 1.0)
        self._buckets: dict[Owner, Bucket] = {}

    def admits(self, project: str, service: str, broker_ms: int) -> bool:
        """Tell whether one more row may be stored, and take its token."""
        owner = (project, service)
        bucket = self._buckets.get(owner)
        if bucket is None:
            if len(self._buckets) >= _MOST_SERVICES:
                self._drop_full(broker_ms)
            bucket = self._buckets[owner] = Bucket(self._burst, broker_ms)
        self.changed.add(owner)
        self._fill(bucket, broker_ms)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def get(self, owner: Owner) -> Bucket | None:
        """Return the bucket of a service, None where it is full."""
        return self._buckets.get(owner)

    def recall(self, owner: Owner, bucket: Bucket) -> None:
        """Take back what stood in a record."""
        self._buckets[owner] = bucket

    def forget(self, owner: Owner) -> None:
        """Drop what a record said before it was deleted."""
        self._buckets.pop(owner, None)

    def _fill(self, bucket: Bucket, broker_ms: int) -> None:
        """Add the tokens of the time that went by."""
        passed = broker_ms - bucket.at_ms
        if passed > 0:
            bucket.tokens = min(bucket.tokens + passed * self._per_ms, self._burst)
            bucket.at_ms = broker_ms

    def _drop_full(self, broker_ms: int) -> None:
        """Forget the buckets that are full by now: a new one is the same."""
        for owner, bucket in list(self._buckets.items()):
            self._fill(bucket, broker_ms)
            self.changed.add(owner)
            if bucket.tokens >= self._burst:
                del self._buckets[owner]
