"""How often a call is made again, and how long to wait before: frozen numbers, no clock."""

from dataclasses import dataclass

_DOUBLINGS = 60  # more would overflow, and every limit is reached long before


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits drawn from nothing (``least_s``) to a limit that doubles: clients spread out."""

    max_retries: int = 3
    first_s: float = 1.0
    most_s: float = 30.0
    least_s: float = 0.0

    def __post_init__(self) -> None:
        if self.max_retries < 0 or not 0 <= self.least_s <= self.first_s <= self.most_s:
            raise ValueError(f"0 <= max_retries, 0 <= least_s <= first_s <= most_s: {self}")

    def limit_s(self, retry: int) -> float:
        """Return the longest wait before a retry; the first is number 0."""
        return min(self.most_s, self.first_s * 2.0 ** min(retry, _DOUBLINGS))

    def wait_s(self, retry: int, u: float) -> float:
        """Return the wait before a retry, ``u`` of 0 to 1 between the shortest and the longest."""
        return self.least_s + u * (self.limit_s(retry) - self.least_s)

    def next_s(self, attempts: int, u: float) -> float | None:
        """Return the wait after so many failed attempts, None if there were enough."""
        return None if attempts > self.max_retries else self.wait_s(attempts - 1, u)
