"""The demo's screen: what a newcomer reads."""

import io

from rich.console import Console

from pipeline.local.demo import demo_rules
from pipeline.local.screen import Snapshot, picture

RATE = {"throughput": 31.0, "error_rate": 0.15, "apdex": 1.0, "p95_ms": 96.2}
SNAPSHOT = Snapshot(
    phase="INCIDENT in checkout",
    age_s=42.0,
    sent=12_345,
    stored=678,
    rates=[
        {"service": "checkout", "environment": "production", **RATE},
        {"service": "mailer", "environment": "staging", **RATE, "error_rate": None},
    ],
    issues=[{"count": 293, "users": 209, "service": "checkout", "title": "[red]refused[/red]"}],
    alerts=[
        {
            "state": "firing",
            "rule": "High Error Rate",
            "service": "checkout",
            "environment": "production",
            "value": 0.0845,
            "threshold": 0.05,
        }
    ],
    notices=[(37.0, "slack", "firing", "[FIRING] High Error Rate")],
    memory_mb=1223.0,
    endpoints={
        "clickhouse_url": "http://127.0.0.1:1",
        "api_url": "http://127.0.0.1:2",
        "bootstrap_servers": "127.0.0.1:3",
        "sentry_dsn": "http://k@127.0.0.1:4/1",
    },
)


def _text(width: int = 120) -> str:
    """Return the screen as text."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(picture(SNAPSHOT))
    return console.export_text()


def test_the_screen_tells_what_is_going_on() -> None:
    """Rates, alerts, notices, issues and addresses stand on it, markup in a title as text."""
    text = _text()

    for part in ("checkout", "15.00 %", "96 ms", "High Error Rate", "37 s", "[red]refused[/red]"):
        assert part in text
    assert "curl http://127.0.0.1:1" in text
    assert "12,345" in text


def test_the_screen_fits_a_terminal() -> None:
    """With one line of each kind it takes less than 24 lines of 100 columns."""
    assert len(_text(100).splitlines()) < 24


def test_the_demos_rules_are_the_shipped_ones_with_short_windows() -> None:
    """Only windows and channels differ from the shipped rules."""
    shipped = "  - name: A\n    window: 5m\n    channels: [slack, email]\n    cooldown: 15m\n"

    assert demo_rules(shipped) == (
        "  - name: A\n    window: 1m\n    channels: [slack, pagerduty, webhook]\n"
        "    cooldown: 15m\n"
    )
