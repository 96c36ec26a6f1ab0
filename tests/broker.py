"""Brokers for tests: one in memory, and a real Kafka that the whole session shares.

``TOCSIN_TEST_KAFKA`` names a broker; else a container is used if an engine answers, else the
embedded broker.
"""

import gc
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.io.broker import Broker
from pipeline.io.clock import Clock, ManualClock, SystemClock
from pipeline.io.kafka import KafkaBroker
from pipeline.io.memory import MemoryBroker
from pipeline.io.seal import Seal
from pipeline.model.stage import Record, Sent, Source
from tests.build import AT

PATIENCE_S = 60.0
SEAL = Seal(bytes(range(32)))


def opened(record: Record) -> Record:
    """Return a dead letter as it was before it was sealed; a memory broker seals none."""
    original = SEAL.open(record.value, record.headers)
    return msgspec.structs.replace(record, value=original.value)


class Cluster(Protocol):
    """A broker whose topics a test makes."""

    @property
    def broker(self) -> Broker:
        """The broker under test."""

    @property
    def clock(self) -> Clock:
        """The clock that stages are given."""

    def topic(self, name: str, partitions: int = 1, **settings: str) -> str:
        """Make a topic; return its name, unique to the test."""

    def trim(self, source: Source, low: int) -> None:
        """Delete the records below an offset."""


class MemoryCluster:
    """The broker in memory."""

    def __init__(self) -> None:
        self.clock = ManualClock(AT)
        self.broker: MemoryBroker = MemoryBroker(self.clock)

    def topic(self, name: str, partitions: int = 1, **settings: str) -> str:
        """Make a topic."""
        self.broker.create(name, partitions)
        return name

    def trim(self, source: Source, low: int) -> None:
        """Delete the records below an offset."""
        self.broker.trim(source, low)


class KafkaCluster:
    """A real broker; each test gets topics of its own."""

    def __init__(self, bootstrap: str) -> None:
        self.clock = SystemClock()
        self.bootstrap = bootstrap
        self.broker: KafkaBroker = KafkaBroker(bootstrap, session_ms=6000, seal=SEAL)
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self._mark = f"{os.getpid()}-{time.monotonic_ns()}"

    def topic(self, name: str, partitions: int = 1, **settings: str) -> str:
        """Make a topic; ``dead-letters`` is one for all."""
        full = name if name == "dead-letters" else f"{name}-{self._mark}"
        if full not in self.admin.list_topics(timeout=10).topics:
            new = NewTopic(full, num_partitions=partitions, replication_factor=1, config=settings)
            self.admin.create_topics([new])[full].result()
        return full

    def trim(self, source: Source, low: int) -> None:
        """Delete the records below an offset."""
        where = TopicPartition(*source, low)
        self.admin.delete_records([where])[where].result()


@contextmanager
def some_kafka(folder: Path) -> Iterator[str]:
    """Give the bootstrap servers of a real broker."""
    named = os.environ.get("TOCSIN_TEST_KAFKA")
    if named:
        yield named
    elif engine_answers():
        from testcontainers.community.kafka import KafkaContainer

        with KafkaContainer() as container:
            yield container.get_bootstrap_server()
    else:
        from pipeline.local.kafka import embedded_broker

        with embedded_broker(folder) as bootstrap:
            yield bootstrap


def engine_answers() -> bool:
    """Answer whether a Docker engine is there; a client alone proves nothing."""
    import docker

    with warnings.catch_warnings():
        # Without an engine docker leaves its socket to the collector, which warns.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with closing(docker.from_env(timeout=2)) as client:
                return bool(client.ping())
        except docker.errors.DockerException:
            return False
        finally:
            gc.collect()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the bootstrap servers of one broker for the session."""
    with some_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
        yield bootstrap


@pytest.fixture(params=["memory", "kafka"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Give each kind of broker in turn."""
    if request.param == "memory":
        return MemoryCluster()
    return KafkaCluster(request.getfixturevalue("kafka"))


def until(done: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Ask again and again until it is done; fails after the deadline."""
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"


def publish(broker: Broker, messages: list[Sent]) -> None:
    """Write messages and wait for the broker's answers."""
    producer = broker.plain_producer()
    answers: list[str | None] = []
    for message in messages:
        producer.send(message, answers.append)
    until(lambda: producer.flush(1.0) == 0 and len(answers) == len(messages))
    producer.close()

    assert answers == [None] * len(messages)


def everything(broker: Broker, topic: str) -> list[Record]:
    """Return all committed records of a topic."""
    sources = [Source(topic, p) for p in range(broker.partitions(topic))]
    return list(broker.read(sources, {}, broker.ends(sources)))
