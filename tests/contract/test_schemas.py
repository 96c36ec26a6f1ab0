"""The published contract: descriptors of topics, schemas of messages, examples of both."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from jsonschema import Draft202012Validator

from pipeline.detect.table import CHANGELOG
from pipeline.gateway.formats.json import complaint_about
from pipeline.io.admin import Topic, read_topics
from pipeline.io.schemas import MESSAGES, schema_of, write
from pipeline.topology import STAGES
from tests.build import AT
from tests.gateway.build import ALL, Capture, a_stage, values

SCHEMAS = Path(__file__).parents[2] / "schemas"
EXAMPLES = sorted((SCHEMAS / "examples").glob("*/*.json"))
# Written and read by parts that come later; their messages come with them.
LATER = {"silences", "logs"}
# One alert instance sees all of a series, one owner all of an error type: see architecture.
EXPLICIT = {
    *("frames", "aggregate.state", "windows", "metrics", "signals", "alerts", "actions"),
    *("events.novel", "groups", "events.raw", "events.grouped", "process.state"),
}


TOPICS = read_topics(SCHEMAS / "topics")
BY_NAME = {topic.name: topic for topic in TOPICS}


def title(value: Topic | Capture) -> str:
    """Return the name of a test's parameter."""
    return value.name


def under(path: Path) -> str:
    """Return the name of an example."""
    return f"{path.parent.name}/{path.stem}"


@cache
def validator(message: str) -> Draft202012Validator:
    """Return a validator of a message's schema."""
    return Draft202012Validator(
        orjson.loads((SCHEMAS / "messages" / f"{message}.json").read_bytes())
    )


def complaints(message: str, value: Any) -> list[str]:
    """Return what a schema has against a value."""
    return [error.message for error in validator(message).iter_errors(value)]


def test_every_topic_is_described() -> None:
    """Each topic of the map has a descriptor, and no descriptor is of a topic nobody knows."""
    known = {topic for row in STAGES for topic in (*row.reads, *row.writes, *row.recalls)}

    assert known | LATER == set(BY_NAME)
    assert len(TOPICS) == 19


@pytest.mark.parametrize("topic", TOPICS, ids=title)
def test_descriptor(topic: Topic) -> None:
    """A descriptor names a schema that exists and keeps to the rules of partitions and time."""
    if topic.message:
        assert (SCHEMAS / "messages" / f"{topic.message}.json").exists()
    else:
        assert topic.name in LATER | {"dead-letters", CHANGELOG}
    if topic.name in EXPLICIT:
        assert topic.partitions == "many"
    assert (topic.timestamp_type == "LogAppendTime") == (topic.name in {"events.raw", "frames"})
    assert (topic.retention_ms == -1) == (topic.cleanup == "compact")
    assert ("segment.ms" in topic.settings) == topic.cleanup.startswith("compact")


def test_dead_letters_hold_every_value() -> None:
    """A record of any topic fits into dead-letters together with the headers it gets."""
    largest = max(t.max_message_bytes for t in TOPICS if t.name != "dead-letters")

    assert BY_NAME["dead-letters"].max_message_bytes >= largest + 2**16


@pytest.mark.parametrize("message", MESSAGES)
def test_schema_is_generated(message: str) -> None:
    """A schema is what the structs say: after a change run `poe generate`."""
    found = (SCHEMAS / "messages" / f"{message}.json").read_bytes()

    assert found == schema_of(message)
    Draft202012Validator.check_schema(orjson.loads(found))


def test_generate_writes_every_schema(tmp_path: Path) -> None:
    """`poe generate` writes one file per message."""
    write(tmp_path)

    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(MESSAGES)


def test_every_message_has_an_example() -> None:
    """Each message with a schema has at least one example."""
    shown = {f"{path.parent.name}.v1" for path in EXAMPLES if path.parent.name != "stacks"}

    assert {*MESSAGES, "events.raw.v1"} <= shown


@pytest.mark.parametrize("message", MESSAGES)
def test_examples_are_decoded(message: str) -> None:
    """Each example satisfies its schema, is decoded by its struct and comes back the same."""
    paths = sorted((SCHEMAS / "examples" / message.removesuffix(".v1")).glob("*.json"))
    for path in paths:
        value = orjson.loads(path.read_bytes())
        decoded = msgspec.json.decode(path.read_bytes(), type=MESSAGES[message])

        assert complaints(message, value) == []
        assert msgspec.json.decode(msgspec.json.encode(decoded), type=MESSAGES[message]) == decoded
    assert paths


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path.parent.name == "events.raw"], ids=under
)
def test_raw_examples(path: Path) -> None:
    """Each example of events.raw satisfies its schema, and the gateway takes it."""
    value = orjson.loads(path.read_bytes())

    assert complaints("events.raw.v1", value) == []
    assert complaint_about(value) == ""


def test_smallest_event() -> None:
    """The smallest valid event is a service and a message."""
    smallest = (SCHEMAS / "examples" / "events.raw" / "smallest.json").read_bytes()

    assert orjson.loads(smallest) == {"service": "shop", "message": "boom"}


@pytest.mark.parametrize("capture", ALL, ids=title)
def test_gateway_keeps_the_contract(capture: Capture) -> None:
    """What the gateway makes of a captured request satisfies the schemas."""
    answer = a_stage().handle(capture.request(), AT)

    for value in values(answer):
        if capture.kind == "sentry-envelope":
            assert complaints("events.raw.v1", value) == []
    for value in values(answer, "client-reports"):
        assert complaints("client_report.v1", value) == []


REFUSED: list[dict[str, Any]] = [
    {"service": "shop"},
    {"service": "shop", "kind": "metric", "message": "boom"},
    {"service": "shop", "kind": "request", "method": "GET", "route": "/"},
    {"service": "shop", "kind": "request", "method": "GET", "route": "/", "status": "200"},
    {"service": "shop", "kind": "session"},
    {"service": "shop", "kind": "resource", "cpu_percent": 3},
    {"service": "shop", "kind": "resource", "host": "web-1"},
]


@pytest.mark.parametrize("value", REFUSED)
def test_refused_by_schema_and_gateway(value: dict[str, Any]) -> None:
    """What lacks what its kind needs is refused by the schema and by the gateway alike."""
    assert complaints("events.raw.v1", value)
    assert complaint_about(value)
