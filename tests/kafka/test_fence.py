"""A broker that was killed between a commit's decision and its markers completes the commit."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.local.fence import fence, is_fenced
from pipeline.local.kafka import EmbeddedBroker

WITHIN_S = 60.0
PARTITIONS = range(4)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """Give a running broker with a topic."""
    made = EmbeddedBroker(tmp_path)
    made.start()
    made.wait_ready()
    admin = AdminClient({"bootstrap.servers": made.bootstrap})
    # The more partitions lose their leader, the longer they are without while a commit completes.
    topics = [NewTopic("out", len(PARTITIONS), 1), NewTopic("others", 300, 1)]
    for made_topic in admin.create_topics(topics).values():
        made_topic.result(WITHIN_S)
    yield made
    made.stop()


def holder(bootstrap: str) -> Producer:
    """Return a producer that has taken the transactional id."""
    taken = Producer({"bootstrap.servers": bootstrap, "transactional.id": "holder"})
    taken.init_transactions(WITHIN_S)
    return taken


def write(producer: Producer, value: bytes, *partitions: int) -> None:
    """Write the value to partitions in a new transaction, acknowledged when this returns."""
    producer.begin_transaction()
    for partition in partitions:
        producer.produce("out", value, partition=partition)
    assert producer.flush(WITHIN_S) == 0


def committed(bootstrap: str) -> list[tuple[int, bytes | None]]:
    """Return what a reader of committed records sees: partition and value."""
    reader = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "reader", "enable.partition.eof": True}
    )
    reader.assign([TopicPartition("out", partition, 0) for partition in PARTITIONS])
    seen: list[Message] = []
    ends = 0
    while ends < len(PARTITIONS):
        message = reader.poll(WITHIN_S)
        assert message is not None
        if message.error() is None:
            seen.append(message)
        else:
            ends += 1
    reader.close()
    return sorted((message.partition() or 0, message.value()) for message in seen)


def last_batch(partition: Path) -> tuple[Path, int, bytes]:
    """Return a partition's log, and where its last batch begins and what that is.

    A batch is its offset (8 bytes), the length of what follows (4), and that.
    """
    (log,) = partition.glob("*.log")
    content = log.read_bytes()
    start = end = 0
    while end < len(content) and (length := int.from_bytes(content[end + 8 : end + 12])):
        start, end = end, end + 12 + length
    return log, start, content[start:end]


def ends(folder: Path) -> list[tuple[Path, int]]:
    """Return where the markers begin, and "complete" in the transaction log; waits for them all."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        found = [last_batch(folder / f"out-{partition}") for partition in PARTITIONS]
        markers = [(log, at) for log, at, batch in found if batch[22] & 0x20]
        states = map(last_batch, folder.glob("__transaction_state-*"))
        complete = [(log, at) for log, at, batch in states if batch and b"out" not in batch]
        if len(markers) == len(PARTITIONS) and complete:
            return [*markers, *complete]
        time.sleep(0.01)
    raise TimeoutError


def cut(logs: list[tuple[Path, int]]) -> None:
    """End logs where the kill is to have found them."""
    for log, at in logs:
        with log.open("r+b") as file:
            file.truncate(at)


def test_a_decided_commit_is_completed(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """R1 Killed after the decision and before its markers: the records are there, all of them."""
    producer = holder(broker.bootstrap)
    write(producer, b"decided", *PARTITIONS)
    producer.commit_transaction(WITHIN_S)
    completion = ends(tmp_path / "logs")
    broker.kill()
    cut(completion)
    broker.start()
    broker.wait_ready()

    successor = holder(broker.bootstrap)
    write(successor, b"given up", 0, 1)
    successor.abort_transaction(WITHIN_S)
    write(successor, b"later", 2)
    successor.commit_transaction(WITHIN_S)

    found = committed(broker.bootstrap)
    assert found == [
        (0, b"decided"),
        (1, b"decided"),
        (2, b"decided"),
        (2, b"later"),
        (3, b"decided"),
    ]


def test_a_broker_is_fenced_before_it_starts_again(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """What was killed counts as running until it is fenced; what was stopped is fenced already."""
    metadata = tmp_path / "logs" / "__cluster_metadata-0"
    running = is_fenced(metadata)
    broker.kill()
    killed = is_fenced(metadata)
    broker.start()
    broker.wait_ready()
    again = is_fenced(metadata)
    broker.stop()

    assert (running, killed, again, is_fenced(metadata)) == (False, False, False, True)
    assert "ended the old broker session" in (tmp_path / "broker.log").read_text("utf-8")


def test_a_controller_that_ends_is_no_hindrance(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """If the session cannot be ended the broker starts nevertheless, and the log says so."""
    (tmp_path / "logs" / "__cluster_metadata-0").mkdir(parents=True)

    fence(tmp_path, ["false", "server.properties"])

    assert "could not be ended" in capfd.readouterr().err


def test_a_new_folder_has_nobody_to_fence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before the first start nothing is started, nothing said."""
    fence(tmp_path, ["false", "server.properties"])

    assert capfd.readouterr().err == ""
