"""A worker's HTTP port."""

import urllib.error
import urllib.request

import pytest

from pipeline.io.health import Health


def get(health: Health, path: str) -> tuple[int, bytes]:
    """Return status and body of a path."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{health.port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


@pytest.mark.parametrize(
    ("alive", "ready", "statuses"),
    [(True, True, (200, 200)), (True, False, (200, 503)), (False, True, (503, 200))],
)
def test_probes_tell_alive_and_ready(
    *, alive: bool, ready: bool, statuses: tuple[int, int]
) -> None:
    """/healthz and /readyz answer 200 or 503."""
    health = Health("127.0.0.1", 0, lambda: alive, lambda: ready)

    found = get(health, "/healthz")[0], get(health, "/readyz")[0]
    health.close()

    assert found == statuses


def test_metrics_are_served() -> None:
    """/metrics carries Prometheus' text, an unknown path is 404."""
    health = Health("127.0.0.1", 0, lambda: True, lambda: True)

    status, body = get(health, "/metrics")
    unknown = get(health, "/nowhere")
    health.close()

    assert status == 200
    assert b"# HELP tocsin_batch_seconds" in body
    assert unknown == (404, b"no such path\n")
