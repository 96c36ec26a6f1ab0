"""Asks a local process over HTTP how it is."""

import urllib.error
import urllib.request

WAIT_S = 1.0


def fetch(url: str) -> str | None:
    """Return the body of a 200 answer, None for anything else."""
    try:
        with urllib.request.urlopen(url, timeout=WAIT_S) as answer:  # noqa: S310  our own loopback URL
            body: bytes = answer.read()
            return body.decode("utf-8", errors="replace")
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return None


def answers(url: str) -> bool:
    """Whether the address answers 200."""
    return fetch(url) is not None


def metric_sum(exposition: str, name: str) -> float | None:
    """Return the sum of a metric over its labels, None if it is not exposed."""
    values = [
        float(line.rpartition(" ")[2])
        for line in exposition.splitlines()
        if line.startswith((f"{name}{{", f"{name} "))
    ]
    return sum(values) if values else None
