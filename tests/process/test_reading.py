"""Reading events: mended bytes, the contract's tolerant shapes, loggers' shapes, and refusals."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.event import MAX_VALUE_BYTES
from pipeline.model.frame import ServiceRow
from tests.build import AT, AT_MS
from tests.process.build import a_stage, an_event, fed, novel, outcomes, reason, rows, the_key

EXAMPLES = sorted((Path(__file__).parents[2] / "schemas/examples/events.raw").glob("*.json"))
TRACE = """Traceback (most recent call last):
  File "/srv/pay.py", line 3, in charge
    x
ValueError: no"""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_examples_are_accepted(path: Path) -> None:
    """Every published example is readable and counted."""
    stage = a_stage()
    said = fed(stage, path.read_bytes())

    assert not any(isinstance(answer, str) for answer in said)
    assert outcomes(stage)["accepted"] == 1


def test_the_smallest_event() -> None:
    """``{"service":"shop","message":"boom"}`` is an error in production of the default project."""
    row = novel(b'{"service":"shop","message":"boom"}').row

    assert (row.service, row.message, row.level) == ("shop", "boom", "error")
    assert (row.project, row.environment, row.ts) == ("default", "production", AT)
    assert row.event_id == novel(b'{"service":"shop","message":"boom"}').row.event_id


def test_ids_of_events_without_one_differ_by_place() -> None:
    """An event without an id gets one of topic, partition and offset."""
    ids = {novel(an_event(), offset=n, partition=p).row.event_id for n in (1, 2) for p in (0, 1)}

    assert len(ids) == 4
    assert all(len(found) == 32 for found in ids)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"service":"shop","message":"a\\ud800b"}', "a�b"),
        (b'\xef\xbb\xbf{"service":"shop","message":"bom"}', "bom"),
        (b'{"service":"shop","message":"nan","extra":{"x":NaN,"y":Infinity}}', "nan"),
        (b'{"service":"shop","message":"a\xffb"}', "a�b"),
        (b'{"service":"shop","message":"a\\u0000b"}', "ab"),
        (b'{"service":"shop","message":"a\x00b"}', "ab"),
        (b'{"service":"shop","message":"big","extra":{"n":1' + b"0" * 400 + b"}}", "big"),
    ],
)
def test_mended(raw: bytes, message: str) -> None:
    """Surrogates, a BOM, NaN, invalid UTF-8 and NUL are mended and marked where the rest parses."""
    row = novel(raw).row

    assert row.message == message
    assert orjson.loads(row.contexts)["_meta"] == {"repaired": True}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"not json", "not_json"),
        (b'{"service":"shop","message":"cut', "not_json"),
        (b"[" * 10_000, "not_json"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "not_json"),
        (b'[{"service":"shop","message":"boom"}]', "not_an_object"),
        (b'"boom"', "not_an_object"),
        (b"17", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"message":"' + b"x" * MAX_VALUE_BYTES + b'"}', "too_large"),
        (b'{"service":"shop","kind":"party","message":"x"}', "unknown_kind"),
        (b'{"service":"shop","kind":["error"],"message":"x"}', "unknown_kind"),
        (b'{"service":"shop","kind":7}', "unknown_kind"),
        (b'{"message":"whose?"}', "no_service"),
        (b'{"service":"  ","message":"whose?"}', "no_service"),
        (b'{"service":{"id":1},"message":"x"}', "wrong_type"),
        (b'{"service":"shop","environment":["a"],"message":"x"}', "wrong_type"),
        (b'{"service":"shop","exception":17}', "wrong_type"),
        (b'{"service":"shop"}', "no_content"),
        (b'{"service":"shop","message":null,"exception":{"values":[]}}', "no_content"),
        (b'{"service":"shop","exception":{"values":[null]}}', "no_content"),
        (b'{"service":"shop","message":"  "}', "no_content"),
        (b'{"service":"shop","kind":"request","status":200}', "wrong_type"),
        (b'{"service":"shop","kind":"request","status":"ok","duration_ms":1}', "wrong_type"),
        (b'{"service":"shop","kind":"request","status":200,"duration_ms":-1}', "wrong_type"),
        (b'{"service":"shop","kind":"session","started":"many"}', "no_content"),
        (b'{"service":"shop","kind":"resource","cpu_percent":1}', "no_content"),
        (b'{"service":"shop","kind":"resource","host":"a"}', "no_content"),
    ],
)
def test_refused(raw: bytes | None, why: str) -> None:
    """2.15 What can never be read is refused with a reason, and accounted for all the same."""
    stage = a_stage()

    assert fed(stage, raw) == [why]
    assert outcomes(stage) == {"accepted": 1, "dead_lettered": 1}


@pytest.mark.parametrize(
    "given_",
    [
        {"message": {"message": "boom", "formatted": "boom"}},
        {"message": None, "logentry": {"formatted": "boom"}},
        {"message": None, "logentry": "boom"},
        {"message": None, "msg": "boom"},
        {"message": None, "event": "boom"},
        {"message": None, "body": "boom"},
        {"message": '{"message": "boom"}'},
        {"message": None, "log": '{"msg": "boom", "level": 50}'},
    ],
)
def test_messages(given_: dict[str, Any]) -> None:
    """A message is found under the names that the contract and loggers give it."""
    assert novel(an_event(**given_)).row.message == "boom"


def test_the_template_of_a_message_is_what_is_grouped() -> None:
    """The parameters' text is shown, the template decides."""
    one = novel(an_event(message=None, logentry={"message": "hi %s", "formatted": "hi Ann"}))
    other = novel(an_event(message=None, logentry={"message": "hi %s", "formatted": "hi Bob"}))

    assert one.row.message == "hi Ann"
    assert one.row.fingerprint == other.row.fingerprint


@pytest.mark.parametrize(
    "exception",
    [
        {"type": "ValueError", "value": "no", "stacktrace": TRACE},
        {"type": "ValueError", "value": "no", "stacktrace": {"text": TRACE, "language": "php"}},
        {
            "values": [
                {"type": "KeyError"},
                {"type": "ValueError", "value": "no", "stacktrace": TRACE},
            ]
        },
        [{"type": "ValueError", "value": "no", "stacktrace": TRACE}],
        [
            {
                "exc_type": "ValueError",
                "exc_value": "no",
                "frames": [{"filename": "/srv/pay.py", "lineno": 3, "name": "charge"}],
            },
            {"exc_type": "KeyError", "exc_value": "cause", "frames": []},
        ],
        TRACE,
    ],
)
def test_exceptions(exception: Any) -> None:
    """An exception is an object, values, a list or a text; the raised one counts."""
    found = novel(an_event(message=None, exception=exception))

    assert (found.row.error_type, found.row.message) == ("ValueError", "no")
    assert found.key.parts == ("charge@pay.py",)
    assert found.row.culprit == "charge in srv/pay.py"


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


@pytest.mark.parametrize(
    ("level", "name"),
    [
        *(("WARN", "warning"), ("Critical", "fatal"), ("log", "info"), ("trace", "debug")),
        *((60, "fatal"), (50, "error"), (40, "warning"), (30, "info"), (10, "debug")),
        *((3, "error"), (4, "warning"), (None, "error"), ("strange", "error"), ("", "error")),
    ],
)
def test_levels(level: Any, name: str) -> None:
    """2.15 Names in any case and loggers' numbers become one of five levels."""
    assert novel(an_event(level=level)).row.level == name


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-24T12:00:00Z",
        "2026-11-24T13:00:00+01:00",
        "2026-11-24 12:00:00",
        "2026-11-24 12:00:00,000",
        AT_MS / 1000,
        AT_MS,
        AT_MS * 1000,
        str(AT_MS // 1000),
    ],
)
def test_times(time: Any) -> None:
    """RFC 3339, its cousins, and seconds to nanoseconds since the epoch are one time."""
    assert novel(an_event(timestamp=time), timestamp_ms=AT_MS + 7).row.ts == AT


@pytest.mark.parametrize("time", ["yesterday", "", None, [], -5, "9" * 500, 1e308, True])
def test_a_time_that_is_none_is_the_brokers(time: Any) -> None:
    """An event with an unreadable time counts at the broker's time."""
    assert novel(an_event(timestamp=time)).row.ts == AT


def test_hand_written_context() -> None:
    """2.15 ``context`` holds what stands at the top elsewhere; unknown fields are kept."""
    row = novel(
        an_event(
            context={
                "user": {"id": "u1"},
                "request": {"method": "GET", "url": "http://x/y"},
                "environment": "staging",
                "release": "1.2",
                "tags": {"a": "b"},
            },
            colour="red",
        )
    ).row

    assert (row.user_id, row.http_method, row.url) == ("u1", "GET", "http://x/y")
    assert (row.environment, row.release, row.tags) == ("staging", "1.2", {"a": "b"})
    assert orjson.loads(row.contexts)["colour"] == "red"


def test_synthetic_exceptions_are_grouped_by_message() -> None:
    """A message that an SDK captured with a stack has no type and is grouped by its words."""
    frames = [{"function": "f", "filename": "a.js"}]
    value = {"type": "Error", "mechanism": {"synthetic": True}, "stacktrace": {"frames": frames}}
    key = the_key(an_event(message="disk full", exception={"values": [value]}))

    assert (key.error_type, key.kind, key.parts) == ("", "message", ("disk", "full"))


def test_an_exception_group_of_equals_is_one_of_them() -> None:
    """A group whose members are all alike groups as one of them; with unlike members as itself."""

    def group(*types: str) -> dict[str, Any]:
        """Return a group with these members."""
        parts: list[dict[str, Any]] = [
            {"type": type_, "value": "x", "mechanism": {"exception_id": n + 1, "parent_id": 0}}
            for n, type_ in enumerate(types)
        ]
        whole = {
            "type": "ExceptionGroup",
            "value": "many",
            "mechanism": {"exception_id": 0, "is_exception_group": True},
        }
        return an_event(message=None, exception={"values": [*parts, whole]})

    assert the_key(group("KeyError", "KeyError")).error_type == "KeyError"
    assert the_key(group("KeyError", "OSError")).error_type == "ExceptionGroup"


def test_rows_are_bounded() -> None:
    """Message, stack, tags, contexts and breadcrumbs have limits, whatever was sent."""
    row = novel(
        an_event(
            message="logged",
            stacktrace="E: x\n" + "    at f (/a.js:1:2)\n" * 9000,
            tags={f"k{n}" * 30: "v" * 999 for n in range(90)},
            extra={f"e{n}": "x" * 9000 for n in range(20)},
            breadcrumbs=[{"message": "b" * 2000} for _ in range(200)],
        )
    ).row

    assert len(novel(an_event(message="m" * 50_000)).row.message) == 8192
    assert len(row.stack) <= 65_536
    assert len(row.tags) <= 50
    assert all(len(k) <= 32 and len(v) <= 200 for k, v in row.tags.items())
    assert len(row.contexts) < 70_000
    assert orjson.loads(row.contexts) == {"message": "logged", "_dropped": ["extra"]}
    assert 0 < len(orjson.loads(row.breadcrumbs)) <= 100
    assert len(row.breadcrumbs) <= 65_536


KEYS = ("type", "value", "message", "values", "frames", "id", "name", "text")
FIELDS = (
    *("message", "logentry", "exception", "stacktrace", "threads", "level", "timestamp", "kind"),
    *("environment", "release", "platform", "user", "request", "contexts", "tags", "breadcrumbs"),
    *("extra", "trace", "fingerprint", "sample_weight", "sdk", "project", "transaction", "host"),
    *("server_name", "session_id", "err", "error", "record", "context", "log", "_meta", "status"),
)
LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)
ANYTHING = st.recursive(
    LEAF | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6))
def test_no_shape_is_a_bug(fields: dict[str, Any]) -> None:
    """R8 Whatever stands in any field: the event is accepted or refused, never an error."""
    stage = a_stage()
    said = fed(stage, {"service": "shop", **fields})
    row_count = len(rows(stage, ServiceRow))

    assert len(said) <= 1
    assert row_count <= 1


@given(st.binary(max_size=60))
def test_no_bytes_are_a_bug(raw: bytes) -> None:
    """R8 Whatever the bytes are, they are an event or refused with a reason."""
    assert len(fed(a_stage(), raw)) <= 1


def test_reasons_are_labels() -> None:
    """A reason is one word, so that it can be counted."""
    assert reason(b"x").isidentifier()
