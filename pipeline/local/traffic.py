"""The demo's traffic: a process of its own that publishes as any user would.

It knows Tocsin by its public doors alone: a Kafka topic, the gateway's JSON endpoint and its
Sentry endpoint. What the broker or the gateway has acknowledged goes into a ledger; one JSON line
a second on standard output tells it, the last one has ``"final": true``.
"""

import argparse
import json
import math
import random
import signal
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from pipeline.local.scenes import INCIDENT, SCENES, SERVICES, Draw, Event, Scene

ROUTES = (("GET", "/items/{id}"), ("POST", "/orders"), ("GET", "/search"), ("PUT", "/users/{id}"))
ENVIRONMENTS = ("production", "production", "production", "production", "staging")
RELEASES = ("2026.11.1", "2026.11.2")
BASE_FAILURES = 0.004
INCIDENT_FAILURES = 0.30
ERROR_SHARE = 0.05
RESOURCE_S = 5.0
STEP_S = 0.05


class Ledger:
    """What has been acknowledged, by kind, service, environment and scene."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.scenes: Counter[str] = Counter()
        self.lost = 0

    def acknowledge(self, event: Event, scene: str) -> None:
        """Count one event that is safe."""
        kind = event.get("kind", "error")
        series = f"{event['service']}/{event['environment']}"
        self.kinds[kind] += 1
        if kind == "request":
            self.requests[series] += 1
            self.failed[series] += event["status"] >= 500
        elif kind == "error":
            self.scenes[f"{event['service']}: {scene}"] += 1

    def line(self, **facts: Any) -> str:
        """Return the ledger as one line of JSON."""
        return json.dumps(
            {
                "kinds": self.kinds,
                "requests": self.requests,
                "failed": self.failed,
                "scenes": self.scenes,
                "lost": self.lost,
                **facts,
            }
        )


class Kafka:
    """Plain confluent-kafka, the documented way."""

    def __init__(self, bootstrap: str, ledger: Ledger) -> None:
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True}
        )
        self._ledger = ledger

    def publish(self, event: Event, scene: str) -> None:
        """Queue one event; it is counted when the broker has answered."""

        def done(error: KafkaError | None, _message: Message) -> None:
            """Count what is safe, and what is not."""
            if error is None:
                self._ledger.acknowledge(event, scene)
            else:
                self._ledger.lost += 1

        body = json.dumps(event).encode()
        self._producer.produce("events.raw", body, key=event["event_id"], on_delivery=done)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until everything is acknowledged."""
        self._ledger.lost += self._producer.flush(30)


class Gateway:
    """Plain HTTP: batches of JSON, and single events in Sentry envelopes."""

    def __init__(self, url: str, key: str, ledger: Ledger) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._ledger = ledger
        self._waiting: list[tuple[Event, str]] = []

    def publish(self, event: Event, scene: str) -> None:
        """Keep an event for the next batch."""
        self._waiting.append((event, scene))

    @property
    def waiting(self) -> int:
        """How many events the gateway has not accepted yet."""
        return len(self._waiting)

    def _post(self, path: str, body: bytes, content_type: str) -> bool:
        """Send one body; False if the answer was not 200, and the caller tries again."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": content_type}
        request = urllib.request.Request(self._url + path, body, headers)  # noqa: S310  our own URL
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  the same
                answer.read()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False
        return True

    def _send_envelope(self, event: Event) -> bool:
        """Send one event the way a Sentry SDK does."""
        item = {**event, "tags": {"service": event["service"]}}
        body = "\n".join(
            (json.dumps({"event_id": event["event_id"]}), '{"type":"event"}', json.dumps(item))
        )
        return self._post("/api/1/envelope/", body.encode(), "application/x-sentry-envelope")

    def flush(self) -> None:
        """Send what waits; what is refused stays and is sent again under the same ids."""
        batch, self._waiting = self._waiting, []
        lines = [pair for pair in batch if pair[0]["service"] != "accounts"]
        if lines:
            body = "\n".join(json.dumps(event) for event, _ in lines).encode()
            self._settle(lines, sent=self._post("/ingest/json", body, "application/x-ndjson"))
        for pair in batch:
            if pair[0]["service"] == "accounts":
                self._settle([pair], sent=self._send_envelope(pair[0]))

    def _settle(self, pairs: list[tuple[Event, str]], *, sent: bool) -> None:
        """Count what was accepted, keep the rest."""
        if not sent:
            self._waiting.extend(pairs)
            return
        for event, scene in pairs:
            self._ledger.acknowledge(event, scene)


class Traffic:
    """Six services in two environments, with an incident in one of them."""

    def __init__(self, kafka: Kafka, gateway: Gateway, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  a seeded demo, not a secret
        self._kafka = kafka
        self._gateway = gateway

    def _base(self, service: str, environment: str) -> Event:
        """Return what every event has."""
        return {
            "event_id": uuid.uuid4().hex,  # noqa: TID251  a user's service draws its ids
            "timestamp": datetime.now(UTC).isoformat(),  # noqa: TID251  a user's service has a clock
            "service": service,
            "environment": environment,
            "release": self._random.choice(RELEASES),
        }

    def _user(self) -> str:
        """Return one of 400 users."""
        return f"user{self._random.randrange(400)}"

    def error(self, scene: Scene, environment: str) -> None:
        """Publish one occurrence of a scene, by the door its service uses."""
        base = self._base(scene.service, environment)
        draw = Draw(self._random.randrange(10, 9000), base["release"], self._user())
        event = {**base, "level": "error", "user": {"id": draw.user}, **scene.make(draw)}
        door = self._gateway if scene.service in {"accounts", "mailer"} else self._kafka
        door.publish(event, scene.name)

    def request(self, service: str, *, incident: bool) -> None:
        """Publish one request, and the error behind it if it failed in the incident."""
        environment = self._random.choice(ENVIRONMENTS)
        struck = incident and service == INCIDENT.service and environment == "production"
        failed = self._random.random() < (INCIDENT_FAILURES if struck else BASE_FAILURES)
        method, route = self._random.choice(ROUTES)
        event = {
            **self._base(service, environment),
            "kind": "request",
            "method": method,
            "route": route,
            "status": 500 if failed else self._random.choice((200, 200, 200, 201, 304, 404)),
            "duration_ms": round(math.exp(self._random.gauss(3.6, 0.6)), 3),
            "user": {"id": self._user()},
        }
        self._kafka.publish(event, "")
        if failed and struck:
            self.error(INCIDENT, environment)

    def step(self, events: int, *, incident: bool) -> None:
        """Publish about as many events as asked, spread over the services."""
        for _ in range(events):
            if self._random.random() < ERROR_SHARE:
                scene = self._random.choice(SCENES)
                self.error(scene, self._random.choice(ENVIRONMENTS))
            else:
                self.request(self._random.choice(SERVICES), incident=incident)

    def resources(self) -> None:
        """Publish one sample of each service's host."""
        for service in SERVICES:
            event = {
                **self._base(service, "production"),
                "kind": "resource",
                "host": f"{service}-1",
                "cpu_percent": round(self._random.uniform(20, 45), 1),
                "memory_percent": round(self._random.uniform(52, 64), 1),
                "disk_free_percent": round(self._random.uniform(44, 46), 1),
            }
            self._kafka.publish(event, "")


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="The demo's traffic generator.")
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--gateway-url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--rate", type=float, default=300.0, help="events per second")
    parser.add_argument("--incident-after", type=float, default=15.0, help="seconds")
    parser.add_argument("--incident-for", type=float, default=25.0, help="seconds")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> None:
    """Publish until SIGTERM, then flush and print the final ledger."""
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ledger = Ledger()
    kafka = Kafka(arguments.bootstrap_servers, ledger)
    gateway = Gateway(arguments.gateway_url, arguments.key, ledger)
    traffic = Traffic(kafka, gateway, arguments.seed)
    start = time.monotonic()
    published, next_line, next_resources = 0, 1.0, 0.0
    while not stop:
        age = time.monotonic() - start
        incident = 0 <= age - arguments.incident_after < arguments.incident_for
        due = int(age * arguments.rate)
        traffic.step(due - published, incident=incident)
        published = due
        if age >= next_resources:
            traffic.resources()
            next_resources += RESOURCE_S
        if age >= next_line:
            gateway.flush()
            print(ledger.line(age=age, incident=incident, final=False), flush=True)  # noqa: T201
            next_line += 1.0
        time.sleep(STEP_S)
    kafka.flush()
    gateway.flush()
    ledger.lost += gateway.waiting
    print(ledger.line(age=time.monotonic() - start, incident=False, final=True), flush=True)  # noqa: T201


if __name__ == "__main__":
    run(_arguments())
    sys.exit(0)
