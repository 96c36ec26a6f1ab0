"""The values people ask for, from sums: rates, quantiles, apdex."""

from collections.abc import Mapping, Sequence
from math import ceil

from pipeline.frames.sketch import value_of


def error_rate(failed: int, requests: int) -> float | None:
    """Return failed requests / requests; None without a request, which is not the same as 0."""
    return failed / requests if requests else None


def apdex(satisfied: int, tolerating: int, requests: int) -> float:
    """Return (satisfied + tolerating / 2) / requests; 1 without a request."""
    return (satisfied + tolerating / 2) / requests if requests else 1.0


def quantiles(latency: Mapping[int, int], shares: Sequence[float]) -> list[float | None]:
    """Return the value in ms below which each share of the durations lies; ascending shares."""
    total = sum(latency.values())
    if not total:
        return [None] * len(shares)
    found: list[float | None] = []
    ranks = [max(1, ceil(share * total)) for share in shares]
    seen = 0
    for k, count in sorted(latency.items()):
        seen += count
        while len(found) < len(ranks) and seen >= ranks[len(found)]:
            found.append(value_of(k))
    return found
