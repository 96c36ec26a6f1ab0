"""An independent ledger: what the broker has acknowledged, and what readers find."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from tests.bench.events import event

WINDOW_S = 10


class Ledger:
    """What was acknowledged; requests are counted per (service, environment, window start)."""

    def __init__(self) -> None:
        self.errors: set[str] = set()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.failed: Counter[tuple[str, str, int]] = Counter()
        self.resources = 0
        self.poison = 0
        self.duplicates = 0
        self.lost: list[str] = []

    @property
    def acknowledged(self) -> int:
        """How many records lie on the topic."""
        others = self.resources + self.poison + self.duplicates
        return len(self.errors) + self.requests.total() + others


class Feeder:
    """Publishes a seeded mix of events and keeps the ledger: most by an idempotent producer.

    A tenth of the errors goes through the gateway, again and again under the same ids until it
    says 200. ``outage`` makes service-00 fail often enough for an alert.
    """

    def __init__(self, bootstrap: str, gateway_url: str, key: str, seed: int) -> None:
        self.ledger = Ledger()
        self._random = random.Random(seed)
        self._seed = seed
        self._sent: list[dict[str, Any]] = []
        self._posts: list[dict[str, Any]] = []
        self._gateway = f"{gateway_url}/ingest/json"
        self._headers = {"Authorization": f"Bearer {key}"}
        self.outage = False
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": 0,
                "linger.ms": 5,
                "compression.type": "lz4",
            }
        )

    def produce(self, number: int) -> None:
        """Publish event ``number`` of the mix."""
        draw = self._random.random()
        if draw < 0.40:
            now = datetime.fromtimestamp(time.time(), UTC)
            body = event(number, self._seed, at=now.isoformat())
            if draw < 0.04:
                self._posts.append(body)
                if len(self._posts) == 50:
                    self._post()
                return
            self._sent.append(body)
            self._send(body, body["event_id"], lambda: self.ledger.errors.add(body["event_id"]))
        elif draw < 0.42 and self._sent:
            again = self._sent[-1]
            self._send(again, again["event_id"], self._duplicate)
        elif draw < 0.43:
            self._send(b'{"service": "shop", "mess', f"poison-{number}", self._poison)
        elif draw < 0.46:
            self._resource(number)
        else:
            self._request(number)

    def _post(self) -> None:
        """Publish what waits by HTTP; an answer that is not 200 says nothing, so ask again."""
        lines = b"\n".join(json.dumps(body).encode() for body in self._posts)
        end = time.monotonic() + 120
        while not self._accepted(lines):
            assert time.monotonic() < end, "the gateway did not come back"
            time.sleep(0.5)
        self.ledger.errors.update(body["event_id"] for body in self._posts)
        self._posts = []

    def _accepted(self, lines: bytes) -> bool:
        """Whether the gateway takes every line."""
        try:
            answer = httpx.post(self._gateway, content=lines, headers=self._headers, timeout=30)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def _duplicate(self) -> None:
        """Count a repeated id."""
        self.ledger.duplicates += 1

    def _poison(self) -> None:
        """Count an unreadable record."""
        self.ledger.poison += 1

    def _resource(self, number: int) -> None:
        """Publish one sample of a host."""
        body = {
            "kind": "resource",
            "event_id": f"{number:032x}",
            "service": f"service-{number % 5:02d}",
            "host": "host-1",
            "cpu_percent": 40.0,
            "memory_percent": 50.0,
            "disk_free_percent": 60.0,
        }

        def done() -> None:
            self.ledger.resources += 1

        self._send(body, str(body["event_id"]), done)

    def _request(self, number: int) -> None:
        """Publish one request and count it in its window."""
        now = time.time()
        service = f"service-{self._random.randrange(5):02d}"
        struck = self.outage and service == "service-00"
        failed = self._random.random() < (0.5 if struck else 0.002)
        body = {
            "kind": "request",
            "event_id": f"{number:032x}",
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
            "service": service,
            "environment": "production",
            "method": "GET",
            "route": "/items/{id}",
            "status": 500 if failed else 200,
            "duration_ms": self._random.randrange(1, 2500),
        }
        window = (str(body["service"]), "production", int(now // WINDOW_S) * WINDOW_S)

        def done() -> None:
            self.ledger.requests[window] += 1
            self.ledger.failed[window] += failed

        self._send(body, str(body["event_id"]), done)

    def _send(self, body: Any, key: str, acknowledged: Any) -> None:
        """Queue one record; it is in the ledger when the broker has answered."""

        def done(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                acknowledged()
            else:
                self.ledger.lost.append(f"{key}: {error}")

        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        while True:
            try:
                self._producer.produce("events.raw", value, key=key, on_delivery=done)
            except BufferError:
                self._producer.poll(0.1)
            else:
                break
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until broker and gateway have answered for everything."""
        if self._posts:
            self._post()
        assert self._producer.flush(120) == 0


class Found(NamedTuple):
    """A committed record as a reader finds it."""

    partition: int
    value: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        """Return the value, which is JSON."""
        return json.loads(self.value)


def _found(message: Message) -> Found:
    """Return the parts of a message that tests look at."""
    headers = {
        name: value.decode()
        for name, value in dict(message.headers() or ()).items()
        if isinstance(value, bytes)
    }
    return Found(message.partition() or 0, message.value() or b"", headers)


def read_committed(bootstrap: str, topic: str) -> Iterator[Found]:
    """Yield every committed record of a topic up to its present end."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "ledger",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    try:
        metadata = consumer.list_topics(topic, timeout=30)
        parts = [TopicPartition(topic, p, 0) for p in metadata.topics[topic].partitions]
        consumer.assign(parts)
        ends = 0
        while ends < len(parts):
            message = consumer.poll(30)
            assert message is not None, f"{topic}: nothing within 30 s"
            error = message.error()
            if error is None:
                yield _found(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ends += 1
    finally:
        consumer.close()
