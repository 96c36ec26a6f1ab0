"""A real broker on which a plan decides what becomes of each commit, and which knows its rest."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import confluent_kafka as ck
from msgspec.structs import replace

from pipeline.io.admin import Admin, Topic
from pipeline.io.broker import BATCH_BYTES, Aborted, Committed, Consumer
from pipeline.io.clock import ManualClock
from pipeline.io.kafka import KafkaBroker
from pipeline.io.kafka.client import Reports
from pipeline.io.kafka.consumer import KafkaConsumer, consumer_settings
from pipeline.io.kafka.producer import KafkaProducer, produce, transaction_settings
from pipeline.model.stage import Record, Sent, Source
from tests.broker import SEAL, some_kafka, until
from tests.flow.topology import Blow, Blows, Plan

TURN_S = 0.01
SESSION_MS = 18_000


class PlannedProducer(KafkaProducer):
    """A producer whose commits fail as planned."""

    def __init__(self, conf: dict[str, Any], blow: Callable[[], Blow]) -> None:
        super().__init__(conf, SEAL)
        self._blow = blow

    def commit(self, offsets: Mapping[Source, Committed], consumer: Consumer | None) -> None:
        """Commit, or not, or commit and lose the answer; a kill leaves the transaction open."""
        blow = self._blow()
        if blow == "abort":
            raise self._gone("planned abort")
        super().commit(offsets, consumer)
        if blow == "lost":
            raise self._gone("planned loss of an answer")


class PlannedConsumer(KafkaConsumer):
    """A consumer that turns quickly, knows how far it has seen, and whose commits may fail."""

    def __init__(
        self, conf: dict[str, Any], topics: Collection[str], blow: Callable[[], Blow]
    ) -> None:
        super().__init__(conf, topics, Reports())
        self._blow = blow
        self._seen: dict[Source, int] = {}

    def poll(
        self, max_records: int, timeout_s: float, max_bytes: int = BATCH_BYTES
    ) -> list[Record]:
        """Return what has arrived; another worker's turn is next."""
        return super().poll(max_records, min(timeout_s, TURN_S), max_bytes)

    def _take(self, message: ck.Message) -> Record | None:
        """Note where a partition was seen to end."""
        record = super()._take(message)
        if record is None:
            self._seen[Source(message.topic() or "", message.partition() or 0)] = (
                message.offset() or 0
            )
        return record

    def behind(self, ends: Mapping[Source, int]) -> set[Source]:
        """Return the partitions not yet seen to end where they do end."""
        return {source for source in self.assignment() if self._seen.get(source) != ends[source]}

    def commit(self, offsets: Mapping[Source, Committed]) -> None:
        """Commit, or not, or commit and lose the answer."""
        blow = self._blow()
        if blow != "abort":
            super().commit(offsets)
        if blow:
            raise Aborted(f"planned {blow} of the sink")


class PlannedKafka(KafkaBroker):
    """The broker of a flow."""

    def __init__(self, bootstrap: str, clock: ManualClock, plan: Plan) -> None:
        super().__init__(bootstrap)
        self._clock = clock
        self.blows = Blows(plan)
        self._admin_of_topics = Admin(bootstrap)
        self._consumers: dict[str, PlannedConsumer] = {}
        self._raw = ck.Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})

    def make_topics(self, topics: list[Topic], many: int) -> None:
        """Make the topics, empty; what is written keeps the flow's time, not the broker's."""
        names = {topic.name for topic in topics}
        present = sorted(names & self._admin_of_topics.present().keys())
        if present:
            self._admin_of_topics.delete(present)
        until(lambda: not names & self._admin_of_topics.present().keys())
        timed = [replace(topic, timestamp_type="CreateTime") for topic in topics]
        self._admin_of_topics.create(timed, many=many)
        until(lambda: names <= self._admin_of_topics.present().keys())

    def consumer(self, group: str, instance: str, topics: Collection[str]) -> KafkaConsumer:
        """Join a group."""
        conf = {**self._shared, **consumer_settings(group, instance, SESSION_MS)}
        worker = group.removeprefix("tocsin-")
        made = PlannedConsumer(conf, topics, partial(self.blows, worker))
        self._consumers[group] = made
        return made

    def producer(self, transactional_id: str) -> KafkaProducer:
        """Take over the identity."""
        conf = {**self._shared, **transaction_settings(transactional_id)}
        worker = transactional_id.removeprefix("tocsin-").removesuffix("-0")
        return PlannedProducer(conf, partial(self.blows, worker))

    def write(self, message: Sent) -> tuple[int, int]:
        """Append one message at the clock's time; return its partition and offset."""
        places: list[tuple[int, int]] = []

        def written(error: ck.KafkaError | None, message: ck.Message) -> None:
            assert error is None, error
            places.append((message.partition() or 0, message.offset() or 0))

        now_ms = int(self._clock.now().timestamp() * 1000)
        produce(self._raw, message, on_delivery=written, timestamp=now_ms)
        self._raw.flush(60)
        return places[0]

    def at_rest(self) -> bool:
        """Answer whether every consumer has seen all there is."""
        return not any(
            consumer.behind(self.ends(consumer.assignment()))
            for consumer in self._consumers.values()
        )


@contextmanager
def planned_kafka(folder: Path, clock: ManualClock, plan: Plan) -> Iterator[PlannedKafka]:
    """Give a broker whose topics nobody else uses."""
    with some_kafka(folder) as bootstrap:
        yield PlannedKafka(bootstrap, clock, plan)
