"""The demo, as a newcomer runs it."""

import json
import subprocess
import sys

from tests.kafka.stack import TOCSIN

LIMIT_S = 420


def test_the_demo_tells_what_it_sent_and_ends_well() -> None:
    """N17 `tocsin demo --once`: an incident is told and resolved, nothing is lost or doubled."""
    done = subprocess.run(
        [*TOCSIN, "demo", "--once", "--json"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)

    assert summary["differences"] == []
    assert summary["stored"]["error"] == summary["sent_by_kind"]["error"]
    assert summary["issues"] == 12
    assert summary["notices"] == 6
    assert 15 < summary["alert_fired_after_s"] < summary["alert_resolved_after_s"] < 180
    assert summary["peak_memory_mb"] < 1536


def test_the_demo_explains_itself() -> None:
    """`tocsin demo --help` shows examples."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "demo", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "tocsin demo --once" in done.stdout
