"""Topics on a real broker."""

import time

import pytest

from pipeline.io.admin import Admin, Topic, read_topics
from pipeline.io.broker import Away
from tests.broker import until


def test_topics_are_made_once(kafka: str) -> None:
    """2.1 Every described topic is accepted by the broker; a second run makes none."""
    admin = Admin(kafka)
    mark = f"-{time.monotonic_ns()}"
    topics = [
        Topic(
            name=t.name + mark,
            description="",
            key="",
            message="",
            content_type="",
            partitions=1,
            cleanup=t.cleanup,
            retention_ms=t.retention_ms,
            timestamp_type=t.timestamp_type,
            max_message_bytes=t.max_message_bytes,
            settings=t.settings,
        )
        for t in read_topics()
    ]

    made = admin.create(topics, many=2)
    until(lambda: all(row.partitions == 1 for row in admin.list(topics, 2)))
    again = admin.create(topics, many=2)
    admin.delete([t.name for t in topics])

    assert sorted(made) == sorted(t.name for t in topics)
    assert again == []


def test_no_broker_is_one_sentence() -> None:
    """Without a broker the address is named."""
    with pytest.raises(Away, match=r"no Kafka broker answers at 127\.0\.0\.1:9"):
        Admin("127.0.0.1:9").present()
