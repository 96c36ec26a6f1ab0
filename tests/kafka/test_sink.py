"""The sink on a real broker: intents survive in commit metadata, successors settle them."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.cimpl import NewTopic

from pipeline.io.clock import SystemClock
from pipeline.local.kafka import embedded_broker
from pipeline.model import dead_letter as dead
from pipeline.model.stage import Record, Sent
from pipeline.sink.intent import Intent, read_intent
from pipeline.sink.settings import SinkSettings
from pipeline.store.events import TOPIC
from pipeline.store.sink import SinkWorker
from tests.broker import KafkaCluster, everything, publish, until
from tests.store.served import Served
from tests.store.sinking import TABLES, Killed, Mortal, an_error, die, expected, stored

PARTITIONS = 2


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KafkaCluster]:
    """Give a broker of its own: the sink knows its topic by name."""
    with embedded_broker(tmp_path) as bootstrap:
        found = KafkaCluster(bootstrap)
        topics = [NewTopic(TOPIC, PARTITIONS), NewTopic("dead-letters", 1)]
        for made in found.admin.create_topics(topics).values():
            made.result()
        yield found


def _event(n: int) -> Sent:
    """Return the nth event on its partition."""
    return Sent(TOPIC, msgspec.json.encode(an_error(n)), partition=n % PARTITIONS)


def _sink(cluster: KafkaCluster, client: Mortal) -> SinkWorker:
    """Return a worker; the one before has died without a word."""
    settings = SinkSettings(rows=200, seconds=0)
    return SinkWorker((TOPIC,), 0, client, cluster.broker, SystemClock(), settings)


def _run(sink: SinkWorker, client: Mortal, n: int) -> None:
    """Turn until so many rows are stored."""

    def is_done() -> bool:
        """Turn once and count."""
        sink.turn()
        return int(client.rows("SELECT count() AS n FROM tocsin.events")[0]["n"]) >= n

    until(is_done)


def test_a_sink_that_dies_around_its_inserts(cluster: KafkaCluster, store: Served) -> None:
    """R7 Killed before and after an INSERT and replaced each time, it stores each row once."""
    client = Mortal(store.url)
    for table in TABLES:
        client.command(f"TRUNCATE TABLE tocsin.{table}")
    broker = cluster.broker
    publish(broker, [_event(n) for n in range(500)])
    publish(broker, [Sent(TOPIC, b"no row", partition=0)])
    for moment in ("before", "after"):
        dying = Mortal(store.url)
        setattr(dying, moment, die)
        sink = _sink(cluster, dying)
        with pytest.raises(Killed):
            _run(sink, client, 500)
        sink.close()
        assert len(_intents(cluster)) == 1
        publish(broker, [_event(n) for n in range(500, 600)])
    sink = _sink(cluster, client)
    _run(sink, client, 700)
    sink.close()
    assert _intents(cluster) == []

    good = [r for r in everything(broker, TOPIC) if (r.value or b"").startswith(b"{")]
    assert stored(client) == expected(good)
    (letter,) = {(r.header(dead.SRC_OFFSET), r.header(dead.REASON)) for r in _letters(cluster)}
    assert letter == (b"250", b"not_an_object")


def _letters(cluster: KafkaCluster) -> list[Record]:
    """Return the dead letters."""
    return everything(cluster.broker, "dead-letters")


def _intents(cluster: KafkaCluster) -> list[Intent]:
    """Return the intents that stand in the group's committed offsets."""
    asked = ConsumerGroupTopicPartitions("tocsin-sink")
    (answer,) = cluster.admin.list_consumer_group_offsets([asked]).values()
    metadata = [found.metadata or "" for found in answer.result().topic_partitions]
    return [intent for intent in map(read_intent, metadata) if intent is not None]
