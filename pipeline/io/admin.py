"""Makes the topics that ``schemas/topics/*.toml`` describe."""

import tomllib
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Literal

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.io.broker import Away
from pipeline.io.kafka.client import Reports, error_of, insist, settings
from pipeline.io.resources import schemas

ASK_S = 30.0


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One descriptor; ``many`` partitions means the configured number."""

    name: str
    description: str
    key: str
    message: str
    content_type: str
    partitions: int | Literal["many"] = "many"
    cleanup: Literal["delete", "compact", "compact,delete"] = "delete"
    retention_ms: int = -1
    timestamp_type: Literal["CreateTime", "LogAppendTime"] = "CreateTime"
    max_message_bytes: int = 1_048_588
    settings: dict[str, str] = {}

    def count(self, many: int) -> int:
        """Return the number of partitions."""
        return many if self.partitions == "many" else self.partitions

    def configuration(self, min_insync_replicas: int) -> dict[str, str]:
        """Return the topic's settings as Kafka names them."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "message.timestamp.type": self.timestamp_type,
            "max.message.bytes": str(self.max_message_bytes),
            "min.insync.replicas": str(min_insync_replicas),
            **self.settings,
        }


class Listed(msgspec.Struct, frozen=True):
    """A topic as it is described and as it is."""

    name: str
    partitions: int
    wanted: int
    cleanup: str
    description: str


def read_topics(folder: Path | None = None) -> list[Topic]:
    """Read the descriptors; ValueError names the file and what is wrong with it."""
    found = []
    for path in sorted((folder or schemas() / "topics").glob("*.toml")):
        try:
            found.append(msgspec.convert(tomllib.loads(path.read_text()), Topic))
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as raised:
            raise ValueError(f"{path}: {raised}") from raised
    return found


class Admin:
    """What may be done to a cluster's topics."""

    def __init__(self, bootstrap: str, client: Mapping[str, str] = {}) -> None:
        self._bootstrap = bootstrap
        self._client = AdminClient(settings(bootstrap, client, Reports()))

    def present(self) -> dict[str, int]:
        """Return the topics that exist and their partition counts; raises Away."""
        try:
            listed = insist("listing topics", 10.0, lambda s: self._client.list_topics(timeout=s))
        except Away as raised:
            raise Away(f"no Kafka broker answers at {self._bootstrap}") from raised
        return {name: len(topic.partitions) for name, topic in listed.topics.items()}

    def create(
        self, topics: list[Topic], *, many: int, replication: int = 1, min_insync: int = 1
    ) -> list[str]:
        """Make the topics that do not exist; return the names of those made."""
        present = self.present()
        wanted = [
            NewTopic(
                topic.name,
                num_partitions=topic.count(many),
                replication_factor=replication,
                config=topic.configuration(min_insync),
            )
            for topic in topics
            if topic.name not in present
        ]
        if not wanted:
            return []
        answers = self._client.create_topics(wanted, operation_timeout=ASK_S, request_timeout=ASK_S)
        return [name for name, answer in answers.items() if _made(answer)]

    def delete(self, names: list[str]) -> None:
        """Remove topics and what is in them."""
        for answer in self._client.delete_topics(names, operation_timeout=ASK_S).values():
            answer.result()

    def list(self, topics: list[Topic], many: int) -> list[Listed]:
        """Return each described topic beside what exists (0 partitions: it does not)."""
        present = self.present()
        return [
            Listed(t.name, present.get(t.name, 0), t.count(many), t.cleanup, t.description)
            for t in topics
        ]


def _made(answer: Future[None]) -> bool:
    """Answer whether a topic was made; somebody else may have been faster."""
    try:
        answer.result()
    except KafkaException as raised:
        if error_of(raised).code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True
