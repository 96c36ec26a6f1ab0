"""A broker's corner for one contract test: topics, processes of the toy, and what they said."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka import Producer as RawProducer
from confluent_kafka.cimpl import NewTopic

from pipeline.detect.table import CHANGELOG
from pipeline.io.faust.tables import CHANGELOG_TOPICS
from pipeline.model.stage import Sent
from tests.broker import KafkaCluster, everything, publish
from tests.contract.faust.toy import TABLE, Spec

ROOT = Path(__file__).parents[3]


def until(done: Callable[[], bool], patience_s: float = 120.0) -> None:
    """Ask ten times a second until it is done, so that the asked have a core to work on."""
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


class Toy:
    """One process of the toy."""

    def __init__(self, spec: Spec, log: Path) -> None:
        self._log = log
        with log.open("ab") as output, log.with_suffix(".err").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.contract.faust.toy", msgspec.json.encode(spec)],
                cwd=ROOT,
                stdout=output,
                stderr=errors,
            )

    def said(self) -> list[dict[str, Any]]:
        """Return what this and earlier processes printed."""
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def numbers(self) -> list[int]:
        """Return the numbers that were seen."""
        return [fact["number"] for fact in self.said() if "number" in fact]

    def ended(self) -> bool:
        """Answer whether it has ended."""
        return self.process.poll() is not None

    def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.wait()


class Bench:
    """Topics of one test, and its toys."""

    def __init__(self, kafka: str, folder: Path, partitions: int = 1) -> None:
        self.cluster = KafkaCluster(kafka)
        self.topic = self.cluster.topic("faust-in", partitions)
        self.out = self.cluster.topic("faust-out", partitions)
        self.app = self.topic.replace("faust-in", "faust-app")
        self.changelog = f"{self.app}-{TABLE}-changelog"
        config = {**CHANGELOG_TOPICS[CHANGELOG], "max.message.bytes": "2000"}
        made = NewTopic(self.changelog, partitions, replication_factor=1, config=config)
        self.cluster.admin.create_topics([made])[self.changelog].result()
        self._folder = folder
        self._toys: list[Toy] = []

    def start(self, **options: Any) -> Toy:
        """Start a toy."""
        spec = Spec(
            servers=self.cluster.bootstrap,
            app=self.app,
            topic=self.topic,
            out=self.out,
            **options,
        )
        self._toys.append(Toy(spec, self._folder / "toy.log"))
        return self._toys[-1]

    def stop(self) -> None:
        """End whatever still runs."""
        for toy in self._toys:
            if not toy.ended():
                toy.kill()

    def publish(self, first: int, last: int, name: str = "a", partition: int = 0) -> None:
        """Write the numbers first to last; a brace in the name stands for the number."""
        values = [f"{n} {name.format(n)}".encode() for n in range(first, last + 1)]
        publish(self.cluster.broker, [Sent(self.topic, v, None, partition) for v in values])

    def transaction(self, first: int, last: int, *, commit: bool) -> None:
        """Write numbers in a transaction that is committed or aborted."""
        producer = RawProducer(
            {"bootstrap.servers": self.cluster.bootstrap, "transactional.id": self.topic}
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        for n in range(first, last + 1):
            producer.produce(self.topic, f"{n} a".encode(), partition=0)
        producer.flush(30)
        if commit:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)

    def committed(self, partition: int = 0) -> int:
        """Return the committed offset."""
        consumer = Consumer({"bootstrap.servers": self.cluster.bootstrap, "group.id": self.app})
        try:
            found = consumer.committed([TopicPartition(self.topic, partition)], timeout=10)
            return int(found[0].offset)
        finally:
            consumer.close()

    def answers(self) -> Iterator[tuple[int, int, str]]:
        """Yield partition, number and the whole answer of each message."""
        for record in everything(self.cluster.broker, self.out):
            text = (record.value or b"").decode()
            yield record.partition, int(text.split()[0]), text
