"""Logger shapes: one error in every logger's words, and what stands around it."""

from typing import Any

import orjson
import pytest

from pipeline.process.shapes import canonical, lookup
from tests.build import AT, AT_MS
from tests.process.build import a_stage, an_event, fed, novel

TRACE = """Traceback (most recent call last):
  File "/srv/pay.py", line 3, in charge
    x
ValueError: no"""

LOGGERS: dict[str, dict[str, Any]] = {
    "pino": {
        "level": 50,
        "time": AT_MS,
        "name": "shop",
        "hostname": "web-1",
        "msg": "charge failed",
        "err": {"type": "ValueError", "message": "no", "stack": TRACE},
    },
    "bunyan": {
        "name": "shop",
        "level": 50,
        "time": "2026-11-24T12:00:00Z",
        "hostname": "web-1",
        "msg": "no",
        "err": {"name": "ValueError", "message": "no", "stack": TRACE},
    },
    "winston": {
        "service": "shop",
        "level": "error",
        "message": "no",
        "timestamp": "2026-11-24T12:00:00Z",
        "hostname": "web-1",
        "stack": TRACE,
    },
    "structlog": {
        "service": "shop",
        "event": "charge failed",
        "level": "error",
        "timestamp": "2026-11-24T12:00:00Z",
        "hostname": "web-1",
        "exception": TRACE,
    },
    "python-json-logger": {
        "service": "shop",
        "asctime": "2026-11-24 12:00:00,000",
        "levelname": "ERROR",
        "name": "shop.billing",
        "hostname": "web-1",
        "message": "charge failed",
        "exc_info": TRACE,
    },
    "loguru": {
        "service": "shop",
        "hostname": "web-1",
        "text": f"2026 | ERROR | charge failed\n{TRACE}",
        "record": {
            "level": {"name": "ERROR", "no": 40},
            "message": "charge failed",
            "time": {"timestamp": AT_MS / 1000},
            "exception": {"type": "ValueError", "value": "no", "traceback": True},
        },
    },
    "ecs dotted": {
        "@timestamp": "2026-11-24T12:00:00.000Z",
        "log.level": "error",
        "service.name": "shop",
        "host.name": "web-1",
        "message": "charge failed",
        "error.type": "ValueError",
        "error.message": "no",
        "error.stack_trace": TRACE.split("\n", 1)[1],
    },
    "ecs nested": {
        "@timestamp": "2026-11-24T12:00:00.000Z",
        "log": {"level": "error"},
        "service": {"name": "shop"},
        "host": {"name": "web-1"},
        "message": "charge failed",
        "error": {"type": "ValueError", "message": "no", "stack_trace": TRACE},
    },
    "otel": {
        "timestamp": AT_MS / 1000,
        "severityNumber": 17,
        "body": "charge failed",
        "resource": {"service.name": "shop", "host.name": "web-1"},
        "attributes": {
            "exception.type": "ValueError",
            "exception.message": "no",
            "exception.stacktrace": TRACE,
        },
    },
    "python-json-logger, lines": {
        "service": "shop",
        "asctime": "2026-11-24 12:00:00,000",
        "levelname": "ERROR",
        "hostname": "web-1",
        "message": "charge failed",
        "exc_info": TRACE.split("\n"),
    },
    "ecs, flat objects": {
        "@timestamp": "2026-11-24T12:00:00.000Z",
        "log.level": "error",
        "service.name": "shop",
        "host.hostname": "web-1",
        "error": {"type": "ValueError", "message": "no", "stack_trace": TRACE.split("\n")},
    },
    "logback": {
        "@timestamp": "2026-11-24T12:00:00.000Z",
        "@version": "1",
        "level": "ERROR",
        "level_value": 40000,
        "service": "shop",
        "hostname": "web-1",
        "logger_name": "shop.billing",
        "message": "charge failed",
        "stack_trace": TRACE,
    },
    "otel's own attributes": {
        "observedTimeUnixNano": str(AT_MS * 1_000_000),
        "timeUnixNano": 0,
        "severityText": "ERROR2",
        "body": {"order": 7},
        "resource": {"attributes": {"service.name": "shop", "host.name": "web-1"}},
        "attributes": [
            {"key": "exception.type", "value": {"stringValue": "ValueError"}},
            {"key": "exception.message", "value": {"stringValue": "no"}},
            {"key": "exception.stacktrace", "value": {"stringValue": TRACE}},
        ],
    },
    "no type, only a stack": {
        "service": "shop",
        "level": "error",
        "ts": AT_MS / 1000,
        "hostname": "web-1",
        "error": {"message": "no", "stack": TRACE},
    },
    "a stack inside the message": {
        "service": "shop",
        "level": "error",
        "time": AT_MS,
        "hostname": "web-1",
        "message": f"charge failed\n{TRACE}",
    },
    "vector around pino": {
        "host": "collector",
        "timestamp": "2026-11-24T12:00:09Z",
        "message": orjson.dumps(
            {
                "level": 50,
                "time": AT_MS,
                "name": "shop",
                "hostname": "web-1",
                "msg": "no",
                "err": {"type": "ValueError", "message": "no", "stack": TRACE},
            }
        ).decode(),
    },
    "flat": {
        "service": "shop",
        "timestamp": AT_MS,
        "severity": "ERROR",
        "hostname": "web-1",
        "exception.type": "ValueError",
        "exception.message": "no",
        "exception.stacktrace": TRACE,
    },
    "vector": {
        "host": "web-1",
        "timestamp": "2026-11-24T12:00:01Z",
        "message": orjson.dumps(
            {
                "service": "shop",
                "levelname": "ERROR",
                "timestamp": "2026-11-24T12:00:00Z",
                "message": "charge failed",
                "exc_info": TRACE,
            }
        ).decode(),
    },
}


@pytest.mark.parametrize("record", LOGGERS.values(), ids=LOGGERS)
def test_loggers(record: dict[str, Any]) -> None:
    """Every common logger's line gives the same error: service, level, time, host, type, frames."""
    found = novel(record)
    row = found.row

    assert (row.service, row.level, row.ts, row.host) == ("shop", "error", AT, "web-1")
    assert (row.error_type, row.message) == ("ValueError", "no")
    assert found.key.parts == ("charge@pay.py",)


def test_what_is_canonical_is_not_touched() -> None:
    """A record in the contract's own names passes as it is, unknown keys and all."""
    record = an_event(exception={"type": "E"}, user={"id": 1}, tags={}, colour="red")

    assert canonical(record) is record


@pytest.mark.parametrize(
    "fields",
    [
        {"env": {"HOME": "/root"}},
        {"host": {"ip": "10.0.0.1"}},
        {"name": ["a"]},
        {"environment": "production", "app": {"id": 1}},
        {"exception": False},
        {"time": {"when": 1}},
        {"trace": [{"function": "f"}]},
        {"attributes": [{"key": 7}, None, {"key": "a", "value": {}}]},
        {"resource": {"attributes": None}},
        {"record": {"level": [], "time": [3], "exception": "x"}},
    ],
)
def test_an_alias_of_another_type_is_no_alias(fields: dict[str, Any]) -> None:
    """A logger's own use of a common name does not refuse its event."""
    row = novel(an_event(**fields)).row

    assert (row.service, row.message, row.environment, row.ts) == ("shop", "boom", "production", AT)


def test_the_contracts_names_win() -> None:
    """A field under the contract's name is not replaced by a logger's."""
    row = novel(an_event(level="warning", severity="FATAL", timestamp=AT_MS, time=7, msg="x")).row

    assert (row.level, row.ts, row.message) == ("warning", AT, "boom")
    assert orjson.loads(row.contexts) == {"msg": "x", "severity": "FATAL", "time": 7}


@pytest.mark.parametrize("name", ["message", "log"])
def test_what_a_gateway_wrote_stays(name: str) -> None:
    """JSON inside a text is opened once, and cannot take another project, id or kind."""
    inner = {"service": "shop", "msg": '{"msg":"twice"}', "project": "b", "kind": "x"}
    outer = {"project": "a", "event_id": "1" * 32, "kind": "error"}
    row = novel({**outer, name: orjson.dumps({**inner, "event_id": "2" * 32}).decode()}).row

    assert (row.project, row.event_id) == ("a", "1" * 32)
    assert row.message == '{"msg":"twice"}'


@pytest.mark.parametrize("text", ['{"a":NaN}', "{not json}", "{}", '{"a":1'])
def test_a_message_that_looks_like_json_is_a_message(text: str) -> None:
    """What cannot be opened is the message itself."""
    assert novel(an_event(message=text)).row.message == text


def test_a_service_named_by_loguru() -> None:
    """A service bound to loguru's logger names the event's service."""
    record = {"message": "boom", "level": {"name": "ERROR"}, "extra": {"service": "shop"}}

    assert novel({"text": "boom", "record": record}).row.service == "shop"


def test_a_fingerprint_in_an_attribute() -> None:
    """2.12 OTel's attribute ``error.fingerprint`` overrides the key, also as a list."""
    for given in ("checkout", ["checkout"]):
        key = novel(an_event(attributes={"error.fingerprint": given})).key

        assert (key.kind, key.parts) == ("client", ("checkout",))


def test_logstash_sends_the_line_twice() -> None:
    """``event.original`` is the message once more and is not stored."""
    row = novel(an_event(event={"original": "boom", "dataset": "shop"})).row

    assert orjson.loads(row.contexts) == {"event": {"dataset": "shop"}}


@pytest.mark.parametrize(
    "record",
    [
        {"a.b.c": 1},
        {"a": {"b.c": 1}},
        {"a": {"b": {"c": 1}}},
        {"a.b": {"c": 1}},
        {"a": 5, "a.b": {"c": 1}},
        {"a": {"b": 5}, "a.b": {"c": 1}},
    ],
)
def test_dotted_names(record: dict[str, Any]) -> None:
    """A dotted field is found flat and nested at any of its dots."""
    assert lookup(record, "a.b.c") == 1


def test_a_level_is_no_service() -> None:
    """Only pino's and bunyan's lines, with a number as level, name their service ``name``."""
    assert fed(a_stage(), {"name": "shop", "level": "error", "message": "x"}) == ["no_service"]
    assert novel({"name": "shop", "level": 50, "msg": "x"}).row.service == "shop"
