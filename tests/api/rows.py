"""Rows that the API's tests read: five issues, two services, one alert with its notice."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import msgspec

from pipeline.model.alert import Alert
from pipeline.model.group import Decision, IssueState
from pipeline.model.notification_log import Attempt
from pipeline.model.window import ServiceWindow
from pipeline.store.clickhouse import Client
from pipeline.store.tables import SETTINGS, rows_of, target
from tests.build import a_record
from tests.store.sinking import NOW, an_error

# The newest first; the last two were seen at the same moment, so that the higher id is first.
ISSUES = [f"{9 - n:016x}" for n in range(5)]
TABLES = (
    *("events", "events_1m", "groups_1h", "stored_1h", "issue_states", "issue_history"),
    *("fingerprints", "service_metrics", "alerts", "notification_attempts"),
)
_ALERT = str(UUID(int=7))


def plant(client: Client) -> None:
    """Empty the tables and insert the rows."""
    for table in TABLES:
        client.command(f"TRUNCATE TABLE tocsin.{table}")
    _insert(client, "events.grouped", _events())
    _insert(client, "groups", (_issue(n) for n in range(5)))
    _insert(client, "groups", (_decision(n) for n in range(5)))
    _insert(client, "windows", (_window(service) for service in ("shop", "cart")))
    _insert(client, "alerts", (_alert(0, "pending"), _alert(1, "firing")))
    _insert(client, "notifications.log", (_attempt(1, "retry"), _attempt(2, "sent")))


def _insert(client: Client, topic: str, values: Iterable[msgspec.Struct]) -> None:
    """Insert values as the sink does."""
    lines: dict[str, list[bytes]] = {}
    for offset, value in enumerate(values):
        record = a_record(msgspec.json.encode(value), topic=topic, offset=offset)
        for table, line in rows_of(record):
            lines.setdefault(table, []).append(line)
    for table, found in lines.items():
        client.insert(target(table), b"\n".join(found), SETTINGS)


def _events() -> Iterable[msgspec.Struct]:
    """Return two events of each issue."""
    for n in (*range(5), *range(10, 15)):
        age = timedelta(minutes=min(n % 10, 3) + n // 10 * 20)
        yield msgspec.structs.replace(
            an_error(n), ts=NOW - age, group_id=ISSUES[n % 10], service=_service(n % 10)
        )


def _service(n: int) -> str:
    """Return the service of an issue."""
    return "cart" if n % 2 else "shop"


def _issue(n: int) -> IssueState:
    """Return the state of an issue; the first is resolved."""
    return IssueState(
        project="default",
        group_id=ISSUES[n],
        title=f"issue {n}",
        error_type="E",
        culprit="f",
        service=_service(n),
        level="error",
        status="open" if n else "resolved",
        template=f"issue {n}",
        first_seen=NOW - timedelta(hours=1),
        first_release="",
        episode_started_at=NOW - timedelta(hours=1),
        updated_at=NOW,
        version=1,
    )


def _decision(n: int) -> Decision:
    """Return what founded an issue."""
    return Decision(
        project="default",
        service=_service(n),
        error_type="E",
        fingerprint=ISSUES[n],
        group_id=ISSUES[n],
        grouping_version=1,
        how="founder",
        canonical_key="[]",
        seq=n,
        first_seen=NOW,
    )


def _window(service: str) -> ServiceWindow:
    """Return a minute of a service: 5 of 100 requests failed, one user of two is shared."""
    return ServiceWindow(
        number=1,
        as_of=NOW,
        window_start=NOW.replace(second=0) - timedelta(minutes=5),
        window_s=60,
        project="default",
        service=service,
        environment="production",
        requests=100,
        requests_failed=5,
        satisfied=95,
        user_hashes=[1, 2 if service == "shop" else 3],
    )


def _alert(seq: int, state: str) -> Alert:
    """Return a transition of the one alert."""
    value = {
        "alert_id": _ALERT,
        "rule": "error-rate",
        "state": state,
        "reason": "above",
        "severity": "critical",
        "project": "default",
        "service": "shop",
        "environment": "production",
        "value": 0.25,
        "threshold": 0.05,
        "title": "Error rate",
        "told": ["log"],
        "seq": seq,
    }
    times = ("at", "as_of", "started_at", "since", "window_start", "window_end")
    return msgspec.convert({**value, **dict.fromkeys(times, NOW)}, Alert)


def _attempt(attempt: int, outcome: str) -> Attempt:
    """Return an attempt to tell of the alert."""
    value = {
        "notification_id": "n1",
        "alert_ids": [_ALERT],
        "alert_group": "g",
        "channel": "log",
        "target": "stdout",
        "severity": "critical",
        "project": "default",
        "service": "shop",
        "environment": "production",
        "attempt": attempt,
        "at": NOW,
        "outcome": outcome,
    }
    return msgspec.convert(value, Attempt)
