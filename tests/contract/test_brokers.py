"""One contract for both brokers: what the loop relies on holds in memory and on Kafka."""

import pytest

from pipeline.io.broker import Aborted, Committed, Consumer, Fenced
from pipeline.model.partition import murmur2
from pipeline.model.stage import Record, Sent, Source
from tests.broker import Cluster, everything, publish, until


def a_member(cluster: Cluster, *topics: str, group: str = "") -> Consumer:
    """Return a consumer that has its partitions and stands at its committed positions."""
    name = group or f"group-{topics[0]}"
    consumer = cluster.broker.consumer(name, f"{name}-0", topics)
    join(consumer)
    consumer.rewind()
    return consumer


def join(consumer: Consumer) -> None:
    """Poll until partitions are assigned."""

    def joined() -> bool:
        """Poll once."""
        assert consumer.poll(10, 0.1) == []
        return bool(consumer.assignment())

    until(joined)


def take(consumer: Consumer, n: int) -> list[Record]:
    """Poll until this many records have arrived."""
    records: list[Record] = []

    def enough() -> bool:
        """Poll once."""
        records.extend(consumer.poll(100, 0.1))
        return len(records) >= n

    until(enough)
    return records


def test_what_is_sent_arrives(cluster: Cluster) -> None:
    """A message arrives with its key, value, headers and partition."""
    topic = cluster.topic("in", 2)
    sent = Sent(topic, b"value", b"key", 1, (("h", b"1"), ("h", b"2"), ("empty", b"")))
    publish(cluster.broker, [sent])
    consumer = a_member(cluster, topic)

    (record,) = take(consumer, 1)
    consumer.close()

    assert (record.topic, record.partition, record.offset) == (topic, 1, 0)
    assert (record.key, record.value, record.headers) == (b"key", b"value", sent.headers)


def test_a_tombstone_has_no_value(cluster: Cluster) -> None:
    """None as value stays None."""
    topic = cluster.topic("in")
    publish(cluster.broker, [Sent(topic, None, b"key")])

    assert [r.value for r in everything(cluster.broker, topic)] == [None]


def test_a_key_decides_the_partition_as_in_java(cluster: Cluster) -> None:
    """Without a partition murmur2 of the key decides."""
    topic = cluster.topic("in", 4)
    keys = [f"key-{n}".encode() for n in range(20)]
    publish(cluster.broker, [Sent(topic, b"x", key) for key in keys])

    found = {r.key: r.partition for r in everything(cluster.broker, topic)}

    assert found == {key: murmur2(key) % 4 for key in keys}


def test_a_transaction_is_seen_only_once_committed(cluster: Cluster) -> None:
    """What was aborted is never read; what was committed is read whole."""
    topic = cluster.topic("out")
    producer = cluster.broker.producer(f"id-{topic}")
    producer.begin()
    producer.send(Sent(topic, b"lost"))
    producer.abort()
    producer.begin()
    producer.send(Sent(topic, b"kept"))
    producer.commit({}, None)
    producer.close()

    assert [r.value for r in everything(cluster.broker, topic)] == [b"kept"]


def test_a_marker_takes_an_offset(cluster: Cluster) -> None:
    """The position passes the marker of a transaction, so that caught up means caught up."""
    topic = cluster.topic("out")
    producer = cluster.broker.producer(f"id-{topic}")
    producer.begin()
    producer.send(Sent(topic, b"one"))
    producer.commit({}, None)
    producer.close()
    consumer = a_member(cluster, topic)
    source = Source(topic, 0)

    (record,) = take(consumer, 1)
    until(lambda: consumer.poll(10, 0.1) == [] and consumer.caught_up() == {source})
    position, lag = consumer.position(source), consumer.lag(source)
    consumer.close()

    assert (record.offset, position, lag) == (0, 2, 0)


def test_offsets_commit_with_the_transaction(cluster: Cluster) -> None:
    """Offsets and metadata of a transaction are the group's committed positions."""
    topic, out = cluster.topic("in"), cluster.topic("out")
    publish(cluster.broker, [Sent(topic, b"a"), Sent(topic, b"b")])
    source = Source(topic, 0)
    consumer = a_member(cluster, topic)
    producer = cluster.broker.producer(f"id-{topic}")
    take(consumer, 2)
    producer.begin()
    producer.send(Sent(out, b"both"))
    producer.commit({source: Committed(2, "éa")}, consumer)

    assert consumer.committed([source]) == {source: Committed(2, "éa")}
    consumer.rewind()
    assert consumer.position(source) == 2
    producer.close()
    consumer.close()


def test_nothing_committed_starts_at_the_beginning(cluster: Cluster) -> None:
    """A group without a committed position begins at the low watermark, and that is no gap."""
    topic = cluster.topic("in")
    publish(cluster.broker, [Sent(topic, b"a"), Sent(topic, b"b"), Sent(topic, b"c")])
    cluster.trim(Source(topic, 0), 2)
    consumer = a_member(cluster, topic)

    (start,) = consumer.rewind().values()
    (record,) = take(consumer, 1)
    consumer.close()

    assert (start.offset, start.gap, record.value) == (2, None, b"c")


def test_a_passed_position_is_a_gap(cluster: Cluster) -> None:
    """A committed position below the low watermark names the exact range that is gone."""
    topic = cluster.topic("in")
    publish(cluster.broker, [Sent(topic, bytes([n])) for n in range(6)])
    source = Source(topic, 0)
    consumer = a_member(cluster, topic)
    consumer.commit({source: Committed(1)})
    cluster.trim(source, 4)

    (start,) = consumer.rewind().values()
    records = take(consumer, 2)
    consumer.close()

    assert (start.offset, start.gap) == (4, (1, 4))
    assert [r.offset for r in records] == [4, 5]


def test_retention_that_overtakes_a_reader_is_a_new_generation(cluster: Cluster) -> None:
    """A position that vanishes while reading ends the generation; rewind names the gap."""
    topic = cluster.topic("in")
    source = Source(topic, 0)
    consumer = a_member(cluster, topic)
    consumer.commit({source: Committed(0)})
    consumer.pause([source])
    publish(cluster.broker, [Sent(topic, bytes([n])) for n in range(6)])
    cluster.trim(source, 4)
    before = consumer.generation()
    consumer.resume([source])

    until(lambda: consumer.poll(10, 0.1) == [] and consumer.generation() > before)
    (start,) = consumer.rewind().values()
    records = take(consumer, 2)
    consumer.close()

    assert (start.offset, start.gap) == (4, (0, 4))
    assert [r.offset for r in records] == [4, 5]


def test_rewind_reads_again(cluster: Cluster) -> None:
    """After rewind everything behind the committed position comes again, nothing else."""
    topic = cluster.topic("in")
    publish(cluster.broker, [Sent(topic, bytes([n])) for n in range(5)])
    consumer = a_member(cluster, topic)
    consumer.commit({Source(topic, 0): Committed(2)})
    take(consumer, 5)

    consumer.rewind()
    again = take(consumer, 3)
    consumer.close()

    assert [r.offset for r in again] == [2, 3, 4]


def test_pause_holds_and_resume_lets_go(cluster: Cluster) -> None:
    """A paused partition delivers nothing; resumed, it goes on where it was."""
    topic = cluster.topic("in")
    consumer = a_member(cluster, topic)
    consumer.pause(consumer.assignment())
    publish(cluster.broker, [Sent(topic, b"a")])

    assert consumer.poll(10, 0.5) == []
    consumer.resume(consumer.assignment())
    assert [r.value for r in take(consumer, 1)] == [b"a"]
    consumer.close()


def test_a_poll_keeps_its_limits(cluster: Cluster) -> None:
    """A batch ends at the number of records, and soon after the number of bytes."""
    topic = cluster.topic("in")
    publish(cluster.broker, [Sent(topic, b"x" * 1000) for _ in range(2000)])
    consumer = a_member(cluster, topic)

    few = consumer.poll(7, 5.0)
    some = consumer.poll(2000, 1.0, max_bytes=100_000)
    consumer.close()

    assert len(few) == 7
    assert 100 <= len(some) <= 600


def test_a_second_producer_fences_the_first(cluster: Cluster) -> None:
    """Who takes an identity over ends its former holder, whose transaction is invisible."""
    topic = cluster.topic("out")
    first = cluster.broker.producer(f"id-{topic}")
    first.begin()
    first.send(Sent(topic, b"zombie"))
    second = cluster.broker.producer(f"id-{topic}")
    second.begin()
    second.send(Sent(topic, b"heir"))
    second.commit({}, None)

    with pytest.raises(Fenced):
        first.commit({}, None)
    first.close()
    second.close()
    assert [r.value for r in everything(cluster.broker, topic)] == [b"heir"]


def test_who_lost_the_group_cannot_commit(cluster: Cluster) -> None:
    """A transaction of a member that was replaced is aborted, offsets and messages together."""
    topic, out = cluster.topic("in"), cluster.topic("out")
    publish(cluster.broker, [Sent(topic, b"a")])
    source = Source(topic, 0)
    old = a_member(cluster, topic, group=f"g-{topic}")
    producer = cluster.broker.producer(f"id-{topic}")
    take(old, 1)
    new = a_member(cluster, topic, group=f"g-{topic}")
    producer.begin()
    producer.send(Sent(out, b"a"))

    with pytest.raises((Aborted, Fenced)):
        producer.commit({source: Committed(1)}, old)
    producer.close()
    assert new.committed([source]) == {source: Committed(None)}
    assert everything(cluster.broker, out) == []
    new.close()
    old.close()


def test_a_member_that_reads_more_topics_gets_them(cluster: Cluster) -> None:
    """Restarted at once with one more topic, as an upgrade does, a member is given both.

    Kafka hands a static member its old assignment back without a look at what it reads now.
    """
    one, two = cluster.topic("in"), cluster.topic("more")
    a_member(cluster, one, group=f"g-{one}").close()
    member = cluster.broker.consumer(f"g-{one}", f"g-{one}-0", [one, two])

    def has_both() -> bool:
        """Poll once."""
        member.poll(10, 0.1)
        return {source.topic for source in member.assignment()} == {one, two}

    until(has_both)
    member.close()


def test_read_takes_a_range(cluster: Cluster) -> None:
    """Read gives a range, the last n records, or all, of many partitions."""
    topic = cluster.topic("in", 2)
    publish(cluster.broker, [Sent(topic, bytes([n]), None, n % 2) for n in range(10)])
    one, other = Source(topic, 0), Source(topic, 1)
    read = cluster.broker.read

    assert len(list(read([one, other], {}))) == 10
    assert [r.offset for r in read([one], {one: 1}, {one: 3})] == [1, 2]
    assert [r.offset for r in read([one], {one: -2})] == [3, 4]
    assert list(read([one], {one: 3}, {one: 3})) == []
    assert list(read([], {})) == []


def test_read_of_nothing_ends(cluster: Cluster) -> None:
    """An empty topic is read to its end at once."""
    topic = cluster.topic("in", 3)

    assert everything(cluster.broker, topic) == []


def test_times_have_offsets(cluster: Cluster) -> None:
    """The first offset not older than a time, or the end."""
    topic = cluster.topic("in")
    publish(cluster.broker, [Sent(topic, b"a")])
    source = Source(topic, 0)
    (record,) = everything(cluster.broker, topic)

    assert cluster.broker.offset_at(source, record.timestamp_ms) == 0
    assert cluster.broker.offset_at(source, record.timestamp_ms + 10_000_000) == 1


def test_an_unknown_topic_is_named(cluster: Cluster) -> None:
    """Asking for the partitions of a topic that does not exist raises KeyError with its name."""
    with pytest.raises(KeyError, match="nowhere"):
        cluster.broker.partitions("nowhere")
