"""How sure a share of failed requests is: the Wilson score interval."""

from math import sqrt

Z99 = 2.576


def wilson(k: int, n: int, z: float = Z99) -> tuple[float, float]:
    """Return the bounds of the true share when k of n were seen; (0, 1) when n is 0."""
    if n == 0:
        return 0.0, 1.0
    p = k / n
    centre = p + z * z / (2 * n)
    spread = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
