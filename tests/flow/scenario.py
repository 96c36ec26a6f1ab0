"""One incident of eight minutes, what was published of it, and what came of it."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from pipeline.config import Config
from pipeline.io.clock import ManualClock, SystemClock
from pipeline.io.resources import deploy
from pipeline.local.scenes import INCIDENT, SCENES, Draw
from pipeline.store.clickhouse import Client
from tests.flow.topology import Flow, MakeBroker, Plan, no_plan, planned_memory
from tests.io.servers import Answer, HttpServer

# The store forgets after 90 days: the scenario plays in the last hours, on the full hour.
START = SystemClock().now().replace(minute=0, second=0, microsecond=0)
STEP_S = 30
CALM, STRUCK, QUIET = 3, 4, 5  # steps
REQUESTS = 18  # a step
# What depends on how the work was cut into batches, or on how long a request took.
WITHOUT = "src_offset, dead_offset, version, inserted_at, latency_ms, users"
TABLES = {
    "events": "SELECT * EXCEPT ({without}) FROM tocsin.events",
    "windows": "SELECT * EXCEPT ({without}), finalizeAggregation(users) AS n"
    " FROM tocsin.service_metrics FINAL",
    "resources": "SELECT * EXCEPT ({without}) FROM tocsin.resource_samples FINAL",
    "signals": "SELECT * EXCEPT ({without}) FROM tocsin.signals FINAL",
    "alerts": "SELECT * EXCEPT ({without}) FROM tocsin.alerts FINAL",
    "attempts": "SELECT * EXCEPT ({without}) FROM tocsin.notification_attempts FINAL",
    "dead": "SELECT * EXCEPT (dead_offset, version) FROM tocsin.dead_letters FINAL",
    "issues": "SELECT * EXCEPT ({without}) FROM tocsin.issue_states FINAL",
    "fingerprints": "SELECT * EXCEPT ({without}) FROM tocsin.fingerprints FINAL",
    "minutes": "SELECT minute, service, level, sum(count) AS n, sum(unhandled) AS u"
    " FROM tocsin.events_1m GROUP BY ALL",
    "hours": "SELECT hour, service, group_id, sum(count) AS n, uniqMerge(users) AS u"
    " FROM tocsin.groups_1h GROUP BY ALL",
    "accounting": "SELECT * FROM tocsin.accounting",
}
Rows = list[dict[str, Any]]


class Ledger:
    """What was published."""

    def __init__(self) -> None:
        self.scenes: dict[str, str] = {}
        self.requests = 0
        self.failed = 0
        self.samples = 0
        self.poison: tuple[int, int] = (-1, -1)
        self.number = 0

    def id(self) -> str:
        """Return the next event id."""
        self.number += 1
        return f"{self.number:032x}"


class Came(NamedTuple):
    """What came of a run: rows by table, bodies by channel."""

    ledger: Ledger
    tables: dict[str, Rows]
    notices: dict[str, list[bytes]]
    blows: Counter[str]


def a_config(folder: Path, urls: dict[str, str]) -> Config:
    """Return the configuration: the shipped rules with windows of a minute, channels at hand."""
    shipped = (deploy() / "config" / "rules.yaml").read_text()
    rules, channels = folder / "rules.yaml", folder / "channels.yaml"
    rules.write_text(re.sub(r"window: \d+m", "window: 1m", shipped))
    local = {name: {"url": url, "allow_private": True} for name, url in urls.items()}
    settings = {
        "slack": {"type": "slack", **local["slack"]},
        "pagerduty": {"type": "pagerduty", "routing_key": "r" * 32, **local["pagerduty"]},
        "email": {
            "type": "email",
            "host": "localhost",
            "sender": "tocsin@example.org",
            "to": ["oncall@example.org"],
        },
    }
    channels.write_text(orjson.dumps({"channels": settings}).decode())
    return Config.model_validate(
        {
            "kafka": {"partitions": 2},
            "alert": {"rules": str(rules)},
            "notify": {"channels": str(channels)},
            "sink": {"seconds": 0},
        }
    )


def empty(client: Client) -> None:
    """Empty every table but the ledger of migrations."""
    query = (
        "SELECT name FROM system.tables WHERE database = 'tocsin' AND engine LIKE '%MergeTree'"
        " AND name != 'migrations'"
    )
    for row in client.rows(query):
        client.command(f"TRUNCATE TABLE tocsin.{row['name']}")


def rows(client: Client, name: str) -> Rows:
    """Return what stands in a table, in an order of its own."""
    return sorted(client.rows(TABLES[name].format(without=WITHOUT)), key=repr)


def base(flow: Flow, ledger: Ledger, service: str) -> dict[str, Any]:
    """Return what every event has."""
    return {
        "event_id": ledger.id(),
        "timestamp": flow.clock.now().isoformat(),
        "service": service,
        "environment": "production",
        "release": f"2026.11.{ledger.number % 2}",
    }


def errors(flow: Flow, ledger: Ledger, *, struck: bool) -> None:
    """Publish each scene once: every other one by the gateway, the rest straight to the topic."""
    batch = []
    for n, scene in enumerate((*SCENES, INCIDENT) if struck else SCENES):
        event = base(flow, ledger, scene.service)
        draw = Draw(1000 + ledger.number * 7, event["release"], f"user{ledger.number % 9}")
        event |= {"level": "error", "user": {"id": draw.user}, **scene.make(draw)}
        ledger.scenes[event["event_id"]] = f"{scene.service}: {scene.name}"
        if n % 2:
            batch.append(event)
        else:
            flow.publish(orjson.dumps(event), event["event_id"])
    answer = flow.post(b"\n".join(map(orjson.dumps, batch)))
    assert answer.reply.status == 200, answer.reply.body


def requests(flow: Flow, ledger: Ledger, *, struck: bool) -> None:
    """Publish requests, every third one failed in the incident, and a sample of the host."""
    for n in range(REQUESTS):
        failed = struck and n % 3 == 0
        event = base(flow, ledger, "checkout") | {
            "kind": "request",
            "method": "POST",
            "route": "/orders",
            "status": 500 if failed else 200,
            "duration_ms": 20.0 + n,
            "user": {"id": f"user{n}"},
        }
        ledger.requests += 1
        ledger.failed += failed
        flow.publish(orjson.dumps(event), event["event_id"])
    sample = base(flow, ledger, "checkout")
    sample |= {"kind": "resource", "host": "checkout-1", "cpu_percent": 25.0}
    ledger.samples += 1
    flow.publish(orjson.dumps(sample), sample["event_id"])


def oddities(flow: Flow, ledger: Ledger) -> tuple[bytes, str]:
    """Publish what nobody can read, and an event that comes again later: return it."""
    ledger.poison = flow.publish(b'{"kind": "error", "service": "checkout", ', "poison")
    event = base(flow, ledger, "checkout") | {"message": "came twice"}
    ledger.scenes[event["event_id"]] = "checkout: twice"
    flow.publish(orjson.dumps(event), event["event_id"])
    return orjson.dumps(event), event["event_id"]


def play(flow: Flow, ledger: Ledger, crash: str, resting: tuple[str, ...]) -> None:
    """Play the incident; ``crash`` names a worker that is thrown away in the middle of each step.

    ``all`` throws away every one. Who rests works at the end only.
    """
    for step in range(CALM + STRUCK + QUIET):
        struck = CALM <= step < CALM + STRUCK
        errors(flow, ledger, struck=struck)
        requests(flow, ledger, struck=struck)
        if step == 1:
            again = oddities(flow, ledger)
        elif step == 2:
            flow.publish(*again)
        for n, name in enumerate(flow.names):
            for _ in range((step + n) % 4 if name not in resting else 0):
                flow.turn(name)
            if crash in {name, "all"}:
                flow.crash(name)
        flow.settle(resting)
        flow.wait(STEP_S)
        flow.settle(resting)
    for _ in range(4):
        flow.wait(STEP_S)
        flow.settle(resting)
    flow.settle()


@contextmanager
def channels() -> Iterator[dict[str, HttpServer]]:
    """Serve the channels, each answering as its original does."""
    with HttpServer() as slack, HttpServer([Answer(202, body=b"{}")]) as pagerduty:
        yield {"slack": slack, "pagerduty": pagerduty}


def run(
    client: Client,
    folder: Path,
    plan: Plan = no_plan,
    crash: str = "",
    resting: tuple[str, ...] = (),
    broker: MakeBroker = planned_memory,
) -> Came:
    """Play the incident on an empty store; return what came of it."""
    empty(client)
    ledger = Ledger()
    clock = ManualClock(START)
    with channels() as servers, broker(folder, clock, plan) as made:
        config = a_config(folder, {name: server.url for name, server in servers.items()})
        flow = Flow(config, client, clock, made)
        try:
            play(flow, ledger, crash, resting)
        finally:
            flow.close()
        notices = {name: [got.body for got in server.got] for name, server in servers.items()}
    return Came(ledger, {name: rows(client, name) for name in TABLES}, notices, made.blows.dealt)
