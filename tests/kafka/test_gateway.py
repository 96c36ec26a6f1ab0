"""The gateway in front of a real broker."""

import random

import orjson

from pipeline.io.admin import Admin, read_topics
from pipeline.io.kafka import KafkaBroker
from pipeline.model.partition import partition_of
from pipeline.model.stage import Record, Source
from tests.broker import until
from tests.gateway.build import ENVELOPES, KEY
from tests.gateway.serving import TOPICS, a_gateway

MANY = 2


def prepared(bootstrap: str) -> tuple[KafkaBroker, dict[Source, int]]:
    """Make the topics as they are described; return the broker and where its topics end."""
    wanted = [topic for topic in read_topics() if topic.name in TOPICS]
    admin = Admin(bootstrap)
    admin.create(wanted, many=MANY)
    until(lambda: all(row.partitions > 0 for row in admin.list(wanted, MANY)))
    broker = KafkaBroker(bootstrap)
    return broker, broker.ends(sources(broker))


def sources(broker: KafkaBroker) -> list[Source]:
    """Return the partitions of events.raw."""
    return [Source("events.raw", n) for n in range(broker.partitions("events.raw"))]


def written(broker: KafkaBroker, since: dict[Source, int]) -> list[Record]:
    """Return what has come since."""
    return list(broker.read(sources(broker), since, broker.ends(sources(broker))))


def test_what_was_answered_200_is_there(kafka: str) -> None:
    """2.14 When a client has its 200, the event is in the topic: same id, key, partition."""
    broker, since = prepared(kafka)
    wanted = {c.expected.event_id for c in ENVELOPES if c.expected.events}
    with a_gateway(broker.plain_producer()) as served:
        for capture in ENVELOPES:
            headers = {name: value for name, value in capture.sent["headers"] if "-" in name}
            headers.pop("Content-Length", None)
            headers.pop("Transfer-Encoding", None)
            assert served.post(capture.sent["path"], capture.body, headers)[0] == 200
        records = written(broker, since)

    values = [orjson.loads(record.value or b"") for record in records]
    assert {value["event_id"] for value in values if value["kind"] == "error"} == wanted
    for record, value in zip(records, values, strict=True):
        assert record.key == value["event_id"].encode() == record.header("ce_id")
        assert record.partition == partition_of(broker.partitions("events.raw"), value["event_id"])


def test_the_largest_event_fits(kafka: str) -> None:
    """An event of 1 MiB that does not compress passes gateway, producer and topic."""
    broker, since = prepared(kafka)
    noise = random.Random(7).randbytes(700_000).hex()[: 2**20 - 400]
    with a_gateway(broker.plain_producer()) as served:
        body = orjson.dumps({"message": "boom", "noise": noise})
        status, _, _ = served.post("/ingest/json", body, {"X-Api-Key": KEY})
        (record,) = written(broker, since)

    assert status == 200
    assert 2**20 - 400 < len(record.value or b"") <= 2**20
