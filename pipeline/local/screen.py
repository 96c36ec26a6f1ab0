"""What the demo shows: pure functions from a snapshot to a picture of the terminal."""

from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Rows = list[dict[str, Any]]


class Snapshot(NamedTuple):
    """One look at the whole path: what was sent, what came out at the end."""

    phase: str
    age_s: float
    sent: int
    stored: int
    rates: Rows
    issues: Rows
    alerts: Rows
    notices: list[tuple[float, str, str, str]]
    memory_mb: float
    endpoints: dict[str, str]


def _number(value: float | None, form: str, unit: str = "") -> str:
    """Return a value as text; a dash where there is none."""
    return "-" if value is None else f"{value:{form}}{unit}"


def _rates(rows: Rows) -> Table:
    """Return the table of services."""
    table = Table(title="services, last minute", expand=True, title_justify="left")
    table.add_column("service")
    table.add_column("environment")
    for name in ("requests/s", "error rate", "p95", "apdex"):
        table.add_column(name, justify="right")
    for row in rows:
        rate = row["error_rate"]
        style = "bold red" if rate is not None and rate > 0.05 else ""
        table.add_row(
            row["service"],
            row["environment"],
            _number(row["throughput"], ".1f"),
            Text(_number(rate and rate * 100 if rate else rate, ".2f", " %"), style=style),
            _number(row["p95_ms"], ".0f", " ms"),
            _number(row["apdex"], ".3f"),
        )
    return table


def _issues(rows: Rows) -> Table:
    """Return the table of the busiest issues."""
    table = Table(title="top issues", expand=True, title_justify="left")
    table.add_column("events", justify="right")
    table.add_column("users", justify="right")
    table.add_column("service")
    table.add_column("issue", overflow="ellipsis", no_wrap=True, ratio=1)
    for row in rows:
        table.add_row(str(row["count"]), str(row["users"]), row["service"], Text(row["title"]))
    return table


def _alerts(rows: Rows) -> Table:
    """Return the table of alerts."""
    table = Table(title="alerts", expand=True, title_justify="left")
    for name in ("state", "rule", "service", "environment"):
        table.add_column(name)
    table.add_column("value", justify="right")
    table.add_column("threshold", justify="right")
    for row in rows:
        style = "bold red" if row["state"] == "firing" else "green"
        table.add_row(
            Text(row["state"], style=style),
            row["rule"],
            row["service"],
            row["environment"],
            _number(row["value"], ".4g"),
            _number(row["threshold"], ".4g"),
        )
    return table


def _notices(rows: list[tuple[float, str, str, str]]) -> Table:
    """Return the notices as they were delivered."""
    table = Table(title="notices delivered", expand=True, title_justify="left")
    table.add_column("after", justify="right")
    for name in ("channel", "status", "text"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for after, channel, status, text in rows[-8:]:
        table.add_row(f"{after:.0f} s", channel, status, Text(text))
    return table


def _where(endpoints: dict[str, str]) -> Text:
    """Return where to look and what to paste."""
    url = endpoints["clickhouse_url"]
    sql = "SELECT service, title, count, users FROM tocsin.issues ORDER BY count DESC LIMIT 10"
    lines = (
        f"curl {url} --data-binary '{sql}'",
        f"curl {endpoints['api_url']}/api/v1/overview?range=1h",
        f"Kafka {endpoints['bootstrap_servers']}   Sentry DSN {endpoints['sentry_dsn']}",
    )
    return Text("\n".join(lines), style="dim", overflow="fold")


def picture(snapshot: Snapshot) -> RenderableType:
    """Return the whole screen."""
    head = Text.assemble(
        ("tocsin demo  ", "bold"),
        f"{snapshot.age_s:4.0f} s   {snapshot.phase}   sent {snapshot.sent:,}"
        f"   errors stored {snapshot.stored:,}   memory {snapshot.memory_mb:,.0f} MB",
    )
    return Group(
        head,
        _rates(snapshot.rates),
        _issues(snapshot.issues),
        _alerts(snapshot.alerts),
        _notices(snapshot.notices),
        Panel(_where(snapshot.endpoints), title="where to look", title_align="left"),
    )
