"""What the demo shows: pure functions from a snapshot to a picture of the terminal."""

from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Rows = list[dict[str, Any]]
_NOTHING: dict[str, Any] = dict.fromkeys(("throughput", "error_rate", "p95_ms", "apdex"))


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


def _table(title: str, *left: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table without lines: the whole screen has to fit into a terminal."""
    table = Table(title=title, title_justify="left", box=None, expand=True, pad_edge=False)
    for name in left:
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _percent(rate: float | None) -> Text:
    """Return a share as text, red above what the shipped rule allows."""
    if rate is None:
        return Text("-")
    return Text(f"{rate * 100:.2f} %", style="bold red" if rate > 0.05 else "")


def _rates(rows: Rows) -> Table:
    """Return the table of services, both environments in one line."""
    right = ("requests/s", "error rate", "p95", "apdex", "staging req/s", "staging errors")
    table = _table("services, last minute", "service", right=right)
    found = {(row["service"], row["environment"]): row for row in rows}
    for service in sorted({row["service"] for row in rows}):
        row = found.get((service, "production"), _NOTHING)
        staging = found.get((service, "staging"), _NOTHING)
        table.add_row(
            service,
            _number(row["throughput"], ".1f"),
            _percent(row["error_rate"]),
            _number(row["p95_ms"], ".0f", " ms"),
            _number(row["apdex"], ".3f"),
            _number(staging["throughput"], ".1f"),
            _percent(staging["error_rate"]),
        )
    return table


def _issues(rows: Rows) -> Table:
    """Return the table of the busiest issues."""
    table = Table(title="top issues", title_justify="left", box=None, expand=True, pad_edge=False)
    table.add_column("events", justify="right")
    table.add_column("users", justify="right")
    table.add_column("service")
    table.add_column("issue", overflow="ellipsis", no_wrap=True, ratio=1)
    for row in rows[:6]:
        table.add_row(str(row["count"]), str(row["users"]), row["service"], Text(row["title"]))
    return table


def _alerts(rows: Rows) -> Table:
    """Return the table of alerts."""
    left = ("state", "rule", "service", "environment")
    table = _table("alerts", *left, right=("value", "threshold"))
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
    table = _table("notices delivered", "after", "channel", "status", "text")
    for after, channel, status, text in rows[-6:]:
        table.add_row(f"{after:.0f} s", channel, status, Text(text))
    return table


def _where(endpoints: dict[str, str]) -> Text:
    """Return where to look and what to paste."""
    url = endpoints["clickhouse_url"]
    sql = "SELECT service, title, count, users FROM tocsin.issues ORDER BY count DESC LIMIT 10"
    lines = (
        f"curl {url} --data-binary '{sql}'",
        f"curl '{endpoints['api_url']}/api/v1/overview?range=1h'",
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
        _alerts(snapshot.alerts),
        _notices(snapshot.notices),
        _issues(snapshot.issues),
        Panel(_where(snapshot.endpoints), title="where to look", title_align="left"),
    )
