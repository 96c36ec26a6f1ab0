"""`tocsin issues`: what people do reaches the owners, and the store tells what came of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer

from pipeline.cli.acting import deliver, found, moment, roots_of
from pipeline.config import Config
from pipeline.group.request import Request, asked, merged, oldest
from pipeline.io.clock import ManualClock
from pipeline.model.action import Assign, Ignore, Resolve, Undo
from pipeline.store.clickhouse import Client
from pipeline.store.queries.actions import asked as stored
from pipeline.store.queries.actions import history
from pipeline.store.queries.issues import Filter, issue, issues
from tests.broker import MemoryCluster
from tests.flow.scenario import START, empty
from tests.flow.topology import Flow, no_plan, planned_memory
from tests.store.served import Served

CONFIG = Config.model_validate({"kafka": {"partitions": 4}, "sink": {"seconds": 0}})
# Their owners are three partitions.
TYPES = ("Error", "PaymentError", "TypeError")


class Shop:
    """The whole topology in memory, one store, and a service that fails."""

    def __init__(self, flow: Flow, client: Client) -> None:
        self.flow = flow
        self.client = client
        self.number = 0

    def fail(self, error_type: str, times: int = 1, **more: Any) -> None:
        """Publish errors of a type, and let everything come to rest."""
        for _ in range(times):
            self.number += 1
            self.flow.wait(1)
            event = {
                "event_id": f"{self.number:032x}",
                "timestamp": self.flow.clock.now().isoformat(),
                "service": "shop",
                "environment": "production",
                "exception": {"type": error_type, "value": f"cannot pay order {self.number}"},
                **more,
            }
            self.flow.publish(orjson.dumps(event), event["event_id"])
        self.flow.settle()

    def request(self, reason: str = "") -> Request:
        """Return who asks, now."""
        self.flow.wait(1)
        return Request("ada", self.flow.clock.now(), "default", reason)

    def do(self, records: Any) -> list[str]:
        """Ask for something and let everything come to rest; return the ids."""
        names = deliver(self.flow.broker, records)
        self.flow.settle()
        return [str(name) for name in names]

    def act(self, kind: Any, *groups: str, **arguments: Any) -> list[str]:
        """Do one thing to issues."""
        targets = found(self.client, groups, "default")
        request = self.request()
        return self.do(lambda n: asked(request, kind, targets, n, **arguments))

    def merge(self, *groups: str) -> list[str]:
        """Merge issues, as the command does."""
        roots, members = roots_of(self.client, groups, "default")
        into = oldest(roots.values())
        others = [root for name, root in roots.items() if name != into.group_id]
        others += [m for r, these in members.items() if r != into.group_id for m in these]
        request = self.request("the same bug")
        return self.do(lambda n: merged(request, into, others, n))

    def counts(self) -> dict[str, int]:
        """Return the events of each issue, by its type."""
        rows = issues(self.client, Filter(), limit=50)
        return {row["error_type"]: row["count"] for row in rows}

    def ids(self) -> dict[str, str]:
        """Return the id of each issue, by its type."""
        rows = issues(self.client, Filter(), limit=50)
        return {row["error_type"]: row["group_id"] for row in rows}


@pytest.fixture
def shop(store: Served, tmp_path: Path) -> Iterator[Shop]:
    """Give a shop on an empty store."""
    client = store.client()
    empty(client)
    clock = ManualClock(START)
    with planned_memory(tmp_path, clock, no_plan) as broker:
        flow = Flow(CONFIG, client, clock, broker)
        yield Shop(flow, client)
        flow.close()
    client.close()


def test_counts_before_are_counts_after(shop: Shop) -> None:
    """5.10 N16 Issues of three owners merge, later events join, and undo leaves each its own."""
    for n, error_type in enumerate(TYPES, 1):
        shop.fail(error_type, n)
    before, names = shop.counts(), shop.ids()
    first = shop.merge(names["TypeError"], names["PaymentError"])
    second = shop.merge(names["Error"], names["TypeError"])
    during = shop.counts()
    for error_type in TYPES:
        shop.fail(error_type)
    taught = shop.counts()
    for name in (*second, *first):
        row = stored(shop.client, [name], project="default")[0]
        shop.act(Undo, *row["target"].split(","), undone=name)

    assert before == {"Error": 1, "PaymentError": 2, "TypeError": 3}
    assert during == {"Error": 6}
    assert taught == {"Error": 9}
    # The events that came meanwhile were counted for the issue that stood for them.
    assert shop.counts() == {"Error": 4, "PaymentError": 2, "TypeError": 3}
    shop.fail("TypeError")
    assert shop.counts()["TypeError"] == 4


def test_a_chain_of_merges_counts_for_its_root(shop: Shop) -> None:
    """5.10 Two merges that met name their root in two steps; readers follow them."""
    for error_type in TYPES:
        shop.fail(error_type)
    names = shop.ids()
    roots, _ = roots_of(shop.client, list(names.values()), "default")
    one, two, three = (roots[names[error_type]] for error_type in TYPES)
    request = shop.request()
    shop.do(lambda n: merged(request, two, [three], n) | merged(request, one, [two], n))

    assert shop.counts() == {"Error": 3}


def test_the_history_of_an_issue(shop: Shop) -> None:
    """X18 Each change says when, by whom, what for, and what undoes it."""
    shop.fail("Error")
    group_id = shop.ids()["Error"]
    [name] = shop.act(Resolve, group_id, release="1.2")
    shop.fail("Error", release="1.1")
    shop.fail("Error", release="1.3")
    rows = history(shop.client, group_id, project="default")

    assert [(r["author"], r["action"], r["status"], r["action_id"]) for r in rows] == [
        ("pipeline", "", "open", ""),
        ("ada", "resolve", "resolved", name),
        ("pipeline", "", "open", ""),
    ]
    assert shop.counts() == {"Error": 3}


def test_an_ignored_issue_escalates(shop: Shop) -> None:
    """X18 Three more events end it, and a signal tells so."""
    shop.fail("Error")
    group_id = shop.ids()["Error"]
    shop.act(Ignore, group_id, events=3)
    shop.fail("Error", 2)
    resting = issue(shop.client, group_id)
    shop.fail("Error", 2)
    open_again = issue(shop.client, group_id)
    signals = shop.client.rows("SELECT kind, observed FROM tocsin.signals FINAL ORDER BY at")

    assert resting is not None
    assert open_again is not None
    assert (resting["status"], open_again["status"]) == ("ignored", "open")
    assert [(row["kind"], row["observed"]) for row in signals] == [("new", 0), ("escalating", 3)]


def test_the_time_to_resolve_knows_what_was_undone(shop: Shop) -> None:
    """X18 A resolve that was undone is none; what changes a resolved issue is no second one."""
    shop.fail("Error")
    shop.fail("TypeError")
    names = shop.ids()
    shop.flow.wait(10)
    [undone] = shop.act(Resolve, names["TypeError"])
    shop.act(Undo, names["TypeError"], undone=undone)
    shop.act(Resolve, names["Error"])
    shop.act(Assign, names["Error"], assignee="grace")
    rows = shop.client.rows("SELECT resolved, mttr_s FROM tocsin.mttr")

    assert [row["resolved"] for row in rows] == [1]
    assert 10 < rows[0]["mttr_s"] < 20


def tocsin(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run one command line; return exit code, output, error."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.strip()


def test_the_commands_read_the_store(shop: Shop, store: Served, tmp_path: Path) -> None:
    """`list`, `show` and `history` print what the store knows, as JSON, too."""
    shop.fail("Error", 2)
    group_id = shop.ids()["Error"]
    reach = {"TOCSIN_CLICKHOUSE__URL": store.url, "TOCSIN_DATA": str(tmp_path)}
    listed = tocsin("issues", "list", "--json", **reach)
    shown = tocsin("issues", "show", group_id, **reach)
    past = tocsin("issues", "history", group_id, "--json", **reach)

    assert [row["group_id"] for row in json.loads(listed[1])] == [group_id]
    assert "cannot pay order" in shown[1]
    assert [row["status"] for row in json.loads(past[1])] == ["open"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("resolve", "0" * 16), 1, f"no issue {'0' * 16} in project default; what happened"),
        (("undo", "0" * 16), 1, f"no action {'0' * 16} in project default; what happened"),
        (("ignore", "0" * 16, "--events", "1", "--users", "1"), 2, "ignore until one thing"),
        (("ignore", "0" * 16, "--until", "soon"), 2, "'soon' is no time"),
        (("merge", "0" * 16, "1" * 16), 1, "no issue"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(
    store: Served, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    """A typing error costs a sentence and an exit code, not an action."""
    reach = {"TOCSIN_CLICKHOUSE__URL": store.url, "TOCSIN_DATA": str(tmp_path)}
    found_code, _, error = tocsin("issues", *arguments, **reach)

    assert (found_code, "\n" in error) == (code, False)
    assert error.startswith(f"tocsin: {sentence}")


def test_a_time_without_a_zone_is_utc() -> None:
    """A date is midnight in UTC; a time with a zone is itself."""
    plus_one = moment("2026-12-01T08:00:00+01:00")

    assert moment("2026-12-01") == datetime(2026, 12, 1, tzinfo=UTC)
    assert plus_one - moment("2026-12-01") == timedelta(hours=7)


def test_a_broker_without_the_topic_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has not made the topics is told, with exit code 1."""
    with pytest.raises(typer.Exit) as ended:
        deliver(MemoryCluster().broker, lambda _: {})

    assert ended.value.exit_code == 1
    assert "is `tocsin up` running?" in capsys.readouterr().err
