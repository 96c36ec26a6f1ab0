"""Buckets of a latency sketch: logarithmic, so that every value is known to 1 % in few integers."""

from math import ceil, log

GAMMA = 1.02
_SCALE = 1 / log(GAMMA)
# A microsecond and a month bound the keys, so that no clock error makes a bucket of its own.
_LOWEST_MS = 0.001
_HIGHEST_MS = 30 * 86_400_000.0


def bucket_of(ms: float) -> int:
    """Return k = ceil(ln ms / ln 1.02), the bucket (1.02^(k-1), 1.02^k] of a duration."""
    return ceil(log(min(max(ms, _LOWEST_MS), _HIGHEST_MS)) * _SCALE)


def value_of(k: int) -> float:
    """Return the value in ms that stands for bucket k: at most 1 % off for all of it."""
    return float(2.0 * GAMMA**k / (1.0 + GAMMA))
