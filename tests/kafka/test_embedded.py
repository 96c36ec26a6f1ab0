"""The embedded broker: a real Kafka that keeps what it was given."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.io.kafka.broker import KafkaBroker
from pipeline.local.kafka import EmbeddedBroker, embedded_broker
from pipeline.local.ports import HOST, is_open
from pipeline.local.refused import Refused
from pipeline.model.stage import Source

WITHIN_S = 60.0


def make_topic(bootstrap: str, name: str) -> None:
    """Make a topic of one partition."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(WITHIN_S)


def write(bootstrap: str, topic: str, *values: bytes) -> None:
    """Write in one transaction, acknowledged when this returns."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "test"})
    producer.init_transactions(WITHIN_S)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value)
    producer.commit_transaction(WITHIN_S)


def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    """Read committed values as a new consumer group of the present protocol."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"test-{time.monotonic_ns()}",
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    found: list[bytes | None] = []
    end = time.monotonic() + WITHIN_S
    while len(found) < count and time.monotonic() < end:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append(message.value())
    consumer.close()
    return found


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """Give a running broker of this test alone."""
    made = EmbeddedBroker(tmp_path)
    made.start()
    made.wait_ready()
    yield made
    made.stop()


def test_transactions_and_the_new_group_protocol_work(broker: EmbeddedBroker) -> None:
    """What one transaction wrote a KIP-848 consumer reads: Kafka's features are all set."""
    make_topic(broker.bootstrap, "t")

    write(broker.bootstrap, "t", b"1", b"2")

    assert read(broker.bootstrap, "t", 2) == [b"1", b"2"]


def test_offsets_are_told_after_a_restart_by_who_asked_before(broker: EmbeddedBroker) -> None:
    """R3 A broker that was away has newer leader epochs; who lived on must learn them and go on."""
    make_topic(broker.bootstrap, "t")
    asking = KafkaBroker(broker.bootstrap)
    before = asking.ends([Source("t", 0)])
    broker.kill()
    broker.start()
    broker.wait_ready()
    write(broker.bootstrap, "t", b"kept")

    assert before == {Source("t", 0): 0}
    assert asking.ends([Source("t", 0)]) == {Source("t", 0): 2}


def test_a_clean_restart_keeps_everything(broker: EmbeddedBroker) -> None:
    """Records outlive a stop, at the same address."""
    make_topic(broker.bootstrap, "t")
    write(broker.bootstrap, "t", b"kept")
    broker.stop()

    broker.start()
    broker.wait_ready()

    assert read(broker.bootstrap, "t", 1) == [b"kept"]


def test_a_killed_broker_comes_back_with_what_it_acknowledged(broker: EmbeddedBroker) -> None:
    """Kill -9 loses no acknowledged record, and the next write goes on after it."""
    make_topic(broker.bootstrap, "t")
    write(broker.bootstrap, "t", b"before")
    broker.kill()

    broker.start()
    broker.wait_ready()
    write(broker.bootstrap, "t", b"after")

    assert read(broker.bootstrap, "t", 2) == [b"before", b"after"]


def test_another_folder_and_port_move_nothing(tmp_path: Path) -> None:
    """A folder that moved starts at a new port with its records."""
    with embedded_broker(tmp_path / "a") as bootstrap:
        make_topic(bootstrap, "t")
        write(bootstrap, "t", b"moved")
    (tmp_path / "a").rename(tmp_path / "b")

    with embedded_broker(tmp_path / "b") as bootstrap:
        found = read(bootstrap, "t", 1)

    assert found == [b"moved"]


def test_a_folder_belongs_to_one_broker(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """A second broker on the same folder ends and says where the reason stands."""
    second = EmbeddedBroker(tmp_path)
    second.start()

    with pytest.raises(Refused, match=r"Kafka did not start: see .*broker\.log"):
        second.wait_ready()


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    """A port that somebody listens on is named, with the option that changes it."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(Refused, match=f"port {port} for Kafka is taken.*--kafka-port"):
            EmbeddedBroker(tmp_path, port)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """A folder that cannot be made is one sentence."""
    (tmp_path / "file").touch()

    with pytest.raises(Refused, match=r"cannot write .*choose another folder"):
        EmbeddedBroker(tmp_path / "file" / "kafka")


def test_the_port_is_free_after_the_end(broker: EmbeddedBroker) -> None:
    """Nothing listens once the broker was stopped."""
    port = int(broker.bootstrap.rpartition(":")[2])

    broker.stop()

    assert not is_open(port)
