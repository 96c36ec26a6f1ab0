"""What the overview shows beside its sums: the busiest issues, merges followed, and what fires."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from pipeline.store.clickhouse import Client
from pipeline.store.queries.dead_letters import dead_letters
from pipeline.store.queries.overview import overview
from pipeline.store.tables import SETTINGS
from tests.store.served import Served
from tests.store.sinking import NOW, an_error

TABLES = ("events", "groups_1h", "issue_states", "alerts", "dead_letters")


@pytest.fixture
def client(store: Served) -> Iterator[Client]:
    """Give a client of a store whose tables are empty."""
    found = store.client()
    for table in TABLES:
        found.command(f"TRUNCATE TABLE tocsin.{table}")
    yield found
    found.close()


def _write(client: Client, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows."""
    client.insert(f"tocsin.{table}", b"\n".join(map(orjson.dumps, rows)), SETTINGS)


def _event(n: int, group: int, **more: Any) -> dict[str, Any]:
    """Return an event of a group, of now."""
    body = orjson.loads(
        orjson.dumps({f: getattr(an_error(n), f) for f in an_error(n).__struct_fields__})
    )
    at = {"ts": NOW, "received_at": NOW, "group_id": f"{group:016x}", "src_offset": n}
    return {**body, **at, "service": "shop", **more}


def _issue(group: int, **more: Any) -> dict[str, Any]:
    """Return the state of an issue."""
    fixed = {
        "project": "default",
        "group_id": f"{group:016x}",
        "title": f"issue {group}",
        "service": "shop",
        "level": "error",
        "status": "open",
        "version": 1,
    }
    times = dict.fromkeys(("first_seen", "episode_started_at", "updated_at"), NOW)
    return {**fixed, **times, **more}


def _alert(n: int, state: str, **more: Any) -> dict[str, Any]:
    """Return one transition of an alert."""
    times = dict.fromkeys(("at", "as_of", "started_at", "window_start", "window_end"), NOW)
    place = {"project": "default", "service": "shop", "environment": "production"}
    about = {"alert_id": str(UUID(int=n)), "rule": "r", "severity": "warning", "seq": 1}
    return {**times, **place, **about, "state": state, **more}


def _overview(client: Client, **more: str) -> dict[str, Any]:
    """Return the overview of the last hour."""
    asked = {"project": "default", "service": "", "environment": "", **more}
    return overview(client, "1h", **asked)


def test_the_busiest_issues_come_first_and_merges_count_for_their_root(client: Client) -> None:
    """8.3 A merged group adds to the group it was merged into, and is not listed itself."""
    groups = [1] * 3 + [2] * 4 + [3] * 2
    _write(client, "events", [_event(n, group) for n, group in enumerate(groups)])
    _write(
        client,
        "issue_states",
        [_issue(1), _issue(2), _issue(3, status="merged", merged_into=f"{1:016x}")],
    )
    found = _overview(client)["issues"]

    assert [(row["title"], row["count"]) for row in found] == [("issue 1", 5), ("issue 2", 4)]
    assert [row["users"] for row in found] == [
        len({an_error(n).user_id for n in ns} - {""}) for ns in ((0, 1, 2, 7, 8), (3, 4, 5, 6))
    ]


def test_the_overview_keeps_to_its_service_and_range(client: Client) -> None:
    """8.1 Issues of other services, environments and days are not shown."""
    long_ago = (NOW - timedelta(days=2)).isoformat()
    _write(
        client,
        "events",
        [_event(1, 1, service="cart"), _event(2, 2, environment="test"), _event(3, 3, ts=long_ago)],
    )

    assert _overview(client, service="shop", environment="production")["issues"] == []


def test_what_fires_is_shown_and_what_resolved_is_not(client: Client) -> None:
    """8.10 The overview names episodes that are on, the critical first."""
    _write(
        client,
        "alerts",
        [
            _alert(1, "firing"),
            _alert(2, "firing", severity="critical"),
            _alert(3, "firing"),
            _alert(3, "resolved", seq=2),
            _alert(4, "pending"),
        ],
    )
    found = _overview(client)["alerts"]

    assert [(row["alert_id"][-1], row["severity"]) for row in found] == [
        ("2", "critical"),
        ("1", "warning"),
    ]


def test_dead_letters_are_filtered_newest_first(client: Client) -> None:
    """R5 The list says where each letter came from; filters narrow it."""
    _write(
        client,
        "dead_letters",
        [
            {
                "failed_at": (NOW - timedelta(seconds=n)).isoformat(),
                "stage": ("process", "sink")[n % 2],
                "reason": "not_json",
                "src_topic": "events.raw",
                "src_offset": n,
                "version": 1,
            }
            for n in range(4)
        ],
    )

    assert [row["src_offset"] for row in dead_letters(client)] == [0, 1, 2, 3]
    assert [row["src_offset"] for row in dead_letters(client, stage="sink")] == [1, 3]
    assert dead_letters(client, reason="gap") == []
