"""The API's answers over a real store, and its refusals as problems."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pipeline.api.app import create_app
from pipeline.api.hub import Hub
from pipeline.api.problems import MEDIA_TYPE
from pipeline.local.ports import free_port
from pipeline.store.clickhouse import Client
from pipeline.store.settings import ClickHouseSettings
from tests.api.rows import ISSUES, plant
from tests.store.served import Served


@pytest.fixture(scope="module")
def client(store: Served) -> Iterator[Client]:
    """Give a client of a store in which the API's example rows stand."""
    found = store.client()
    plant(found)
    yield found
    found.close()


def get(client: Client, path: str, **parameters: str | int) -> httpx.Response:
    """Ask the application itself, without a socket."""

    async def ask() -> httpx.Response:
        """Ask on an event loop of its own."""
        transport = httpx.ASGITransport(create_app(client, Hub()))
        async with httpx.AsyncClient(transport=transport, base_url="http://tocsin") as http:
            return await http.get(path, params=parameters or None)

    return asyncio.run(ask())


def _good(client: Client, path: str, **parameters: str | int) -> dict[str, Any]:
    """Return the body of an answer that has to be good."""
    answer = get(client, path, **parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _pages(client: Client, **parameters: str | int) -> list[list[str]]:
    """Follow ``next`` to the end; return the ids of each page."""
    pages: list[list[str]] = []
    cursor = ""
    while not pages or cursor:
        body = _good(client, "/api/v1/issues", cursor=cursor, **parameters)
        pages.append([issue["group_id"] for issue in body["issues"]])
        cursor = body["next"]
        assert len(pages) < 10
    return pages


def test_the_overview_adds_up(client: Client) -> None:
    """8.3 Totals, course and services tell the same numbers."""
    body = _good(client, "/api/v1/overview")

    assert body["totals"]["requests"] == 200
    assert body["totals"]["requests_failed"] == 10
    assert body["totals"]["error_rate"] == 0.05
    assert body["totals"]["users"] == 3
    assert sum(row["requests"] for row in body["course"]) == 200
    assert [(row["service"], row["requests"]) for row in body["services"]] == [
        ("cart", 100),
        ("shop", 100),
    ]


@pytest.mark.parametrize(
    ("range_", "bucket_s"),
    [("1h", 60), ("6h", 300), ("24h", 900), ("7d", 7200), ("30d", 21_600)],
)
def test_the_bucket_follows_the_range(client: Client, range_: str, bucket_s: int) -> None:
    """8.1 Each range has its width of bucket."""
    assert _good(client, "/api/v1/overview", range=range_)["bucket_s"] == bucket_s


def test_an_overview_without_data_has_no_rate(client: Client) -> None:
    """6.4 No requests give no error rate, not 0."""
    totals = _good(client, "/api/v1/overview", service="nobody")["totals"]

    assert (totals["requests"], totals["error_rate"]) == (0, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_show_each_issue_once(client: Client, limit: int) -> None:
    """Whatever a page holds, following ``next`` shows every issue once, the newest first."""
    pages = _pages(client, limit=limit)

    assert [each for page in pages for each in page] == ISSUES
    assert max(map(len, pages)) <= limit


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"service": "cart"}, [i for n, i in enumerate(ISSUES) if n % 2]),
        ({"status": "resolved"}, ISSUES[:1]),
        ({"text": "ISSUE 2"}, ISSUES[2:3]),
        ({"text": "' OR 1=1 --"}, []),
        ({"project": "other"}, []),
    ],
)
def test_issues_are_filtered(client: Client, parameters: dict[str, str], found: list[str]) -> None:
    """Filters narrow the list; what a person types is never SQL."""
    assert _pages(client, **parameters) == [found]


def test_one_issue_has_its_events_and_decisions(client: Client) -> None:
    """8.9 An issue shows its newest events with their place, and why they are grouped."""
    body = _good(client, f"/api/v1/issues/{ISSUES[1]}")

    assert (body["group_id"], body["title"], body["count"]) == (ISSUES[1], "issue 1", 2)
    assert [event["raw_offset"] for event in body["events"]] == [1, 11]
    assert [decision["how"] for decision in body["decisions"]] == ["founder"]


def test_alerts_and_notices(client: Client) -> None:
    """8.10 An episode stands as its last transition, with what was sent about it."""
    body = _good(client, "/api/v1/alerts", state="firing")
    (alert,) = body["alerts"]
    (notice,) = body["notices"]

    assert (alert["rule"], alert["state"], alert["value"]) == ("error-rate", "firing", 0.25)
    assert alert["fired_at"] is not None
    assert (notice["outcome"], notice["attempts"]) == ("sent", 2)
    assert notice["alert_ids"] == [alert["alert_id"]]
    assert _good(client, "/api/v1/alerts", state="resolved")["alerts"] == []


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/api/v1/nowhere", 404, "Not Found"),
        ("/api/v1/issues/0000000000000000", 404, "no issue 0000000000000000"),
        ("/api/v1/issues/x%00'y", 404, "no issue"),
        ("/api/v1/overview?range=2h", 422, "query.range"),
        ("/api/v1/issues?limit=0", 422, "query.limit"),
        ("/api/v1/issues?limit=501", 422, "query.limit"),
        ("/api/v1/issues?days=91", 422, "query.days"),
        ("/api/v1/issues?cursor=nonsense", 422, "cursor: take it from"),
        ("/api/v1/issues?cursor=2026-01-01", 200, '"issues"'),
        ("/api/v1/issues?cursor=0001-01-01T00:00~x", 422, "cursor: take it from"),
        ("/api/v1/issues?cursor=9999-01-01T00:00~x", 422, "cursor: take it from"),
        ("/api/v1/issues?cursor=2026-01-01T00:00:00%2B02:00~x", 200, '"issues"'),
        ("/api/v1/alerts?state=bad", 422, "query.state"),
    ],
)
def test_a_bad_request_is_a_problem(client: Client, path: str, status: int, told: str) -> None:
    """A refusal says what is wrong and where, as RFC 9457 asks."""
    answer = get(client, path)

    assert answer.status_code == status, answer.text
    assert told in answer.text
    if status != 200:
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["status"] == status


@pytest.mark.parametrize("path", ["/api/v1/overview", "/api/v1/issues", "/api/v1/alerts"])
def test_a_store_that_is_away_is_a_problem(path: str) -> None:
    """While ClickHouse is away the answer is 503 and says when to ask again."""
    client = Client(ClickHouseSettings(url=f"http://127.0.0.1:{free_port()}"))
    answer = get(client, path)

    assert (answer.status_code, answer.headers["content-type"]) == (503, MEDIA_TYPE)
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["title"] == "ClickHouse is away"


def test_a_store_without_tables_is_a_problem(client: Client) -> None:
    """A store that refuses a query is told as such, not as a bare 500."""
    client.command("RENAME TABLE tocsin.service_metrics TO tocsin.service_metrics_gone")
    try:
        answer = get(client, "/api/v1/overview")
    finally:
        client.command("RENAME TABLE tocsin.service_metrics_gone TO tocsin.service_metrics")

    assert (answer.status_code, answer.headers["content-type"]) == (503, MEDIA_TYPE)
    assert "tocsin migrate" in answer.json()["detail"]


def test_it_is_alive_without_a_store() -> None:
    """``/healthz`` asks nobody."""
    client = Client(ClickHouseSettings(url=f"http://127.0.0.1:{free_port()}"))

    assert get(client, "/healthz").status_code == 200
