"""JSON in any framing, and records that are none."""

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gateway.formats.json import complaint_about
from tests.build import AT
from tests.gateway.build import (
    EVENT_ID,
    a_request,
    a_stage,
    post_json,
    reply_json,
    sent,
    values,
)

A, B, C = ({"message": name} for name in "abc")
TEXTS = [orjson.dumps(record) for record in (A, B, C)]
FRAMINGS = {
    "array": b"[" + b",".join(TEXTS) + b"]",
    "pretty array": b"[\n" + b",\n".join(TEXTS) + b"\n]\n",
    "lines": b"\n".join(TEXTS),
    "lines, CRLF and a last one": b"\r\n".join([*TEXTS, b""]),
    "blank lines": b"\n\n\n".join(TEXTS),
    "without separator": b"".join(TEXTS),
    "with spaces": b" ".join(TEXTS),
    "record separators": b"".join(b"\x1e" + text + b"\n" for text in TEXTS),
    "events": b'{"events":[' + b",".join(TEXTS) + b"]}",
    "several lines each": b"\n".join(
        orjson.dumps(r, option=orjson.OPT_INDENT_2) for r in (A, B, C)
    ),
    "lines of arrays": b"[" + TEXTS[0] + b"]\n[" + TEXTS[1] + b"," + TEXTS[2] + b"]",
    "byte order mark": b"\xef\xbb\xbf" + b"\n".join(TEXTS),
}


def messages(answer: Any) -> list[str | None]:
    """Return the messages of the events that were accepted."""
    return [value.get("message") for value in values(answer)]


@pytest.mark.parametrize("name", FRAMINGS)
def test_framings(name: str) -> None:
    """Every framing that collectors use gives the same records."""
    answer = post_json(FRAMINGS[name])

    assert reply_json(answer) == {"accepted": 3, "rejected": 0, "errors": []}
    assert messages(answer) == ["a", "b", "c"]


def test_one_object() -> None:
    """The smallest valid event is taken, and gets all that the contract has."""
    answer = post_json({"service": "shop", "message": "boom"})
    (event,) = values(answer)

    assert {name: event[name] for name in ("service", "message", "kind", "project", "schema")} == {
        "service": "shop",
        "message": "boom",
        "kind": "error",
        "project": "shop",
        "schema": "events.raw/1",
    }
    assert event["received"] == "2026-11-24T12:00:00.000Z"
    assert event["source"] == {"format": "json", "ingested_by": "gateway"}


def test_one_wrong_of_three() -> None:
    """One wrong record of three: two are accepted, one is reported by its place."""
    answer = post_json([A, {"service": "shop"}, C])
    reply = reply_json(answer)

    assert answer.reply.status == 200
    assert messages(answer) == ["a", "c"]
    assert (reply["accepted"], reply["rejected"]) == (2, 1)
    assert reply["errors"][0]["index"] == 1
    assert "nothing to report" in reply["errors"][0]["reason"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"message":"a"}\n{"message":"b"\n{"message":"c"}',
        b'[{"message":"a"},\n{"message":b},\n{"message":"c"}]',
        b'{"message":"a"}\nnot json at all\n{"message":"c"}',
        b'{"message":"a"} \x00 \n{"message":"c"}',
    ],
)
def test_broken_line(body: bytes) -> None:
    """A line that is no JSON is left out to its end, told by its place, and kept."""
    answer = post_json(body)

    assert messages(answer) == ["a", "c"]
    assert [error["index"] for error in reply_json(answer)["errors"]] == [1]
    (letter,) = sent(answer, "dead-letters")
    assert letter.value is not None
    assert letter.value in body
    assert dict(letter.headers)["reason"] == b"unreadable"


@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"{", b"[1,2]", b'"text"', b"null", b'[{"message":"a"},{"mess', b"{}"]
)
def test_none_good(body: bytes) -> None:
    """400 where no record is good, and where an array was cut short."""
    answer = post_json(body)

    assert answer.reply.status == 400
    assert sent(answer) == []


def test_empty_batches() -> None:
    """An empty array is no error."""
    assert reply_json(post_json([]))["accepted"] == 0
    assert reply_json(post_json({"events": []}))["accepted"] == 0


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\x92\x81\xa1a\x01", "application/json"),
        (b"\xdd\x00\x00\x00\x01", ""),
        (b"{}", "application/msgpack"),
        (b"\x82", "application/x-msgpack; charset=x"),
    ],
)
def test_messagepack(body: bytes, content_type: str) -> None:
    """MessagePack is 415, and the text says what to set."""
    answer = a_stage().handle(a_request(body, content_type=content_type), AT)

    assert answer.reply.status == 415
    assert "set Format json" in reply_json(answer)["detail"]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_content_type_is_no_switch(content_type: str) -> None:
    """The content type decides nothing."""
    answer = a_stage().handle(a_request(A, content_type=content_type), AT)

    assert answer.reply.status == 200


SHAPES: list[dict[str, Any]] = [
    {"msg": "boom", "level": 50, "time": 1795447820250, "err": {"stack": "E: x\n at f"}},
    {"event": "boom", "exception": ["E"]},
    {"@timestamp": "2026-11-24T12:00:00Z", "log.level": "error", "error.message": "boom"},
    {"exception.type": "E", "exception.message": "boom"},
    {"log": '{"message":"boom"}', "kubernetes": {"pod_name": "p"}},
    {"attributes": {"exception.type": "E"}, "resource": {"service.name": "shop"}},
    {"kind": None, "message": "boom"},
    {"kind": "request", "method": "GET", "route": "/", "status": 200, "duration_ms": 1.5},
    {"kind": "session", "started": 1},
    {"kind": "resource", "host": "web-1", "cpu_percent": 5},
]


@pytest.mark.parametrize("record", SHAPES)
def test_shapes_pass_untouched(record: dict[str, Any]) -> None:
    """What a logger writes is passed on as it is: its meaning is decided later."""
    (event,) = values(post_json(record))

    assert {name: event[name] for name in record if name != "kind"} == {
        name: value for name, value in record.items() if name != "kind"
    }


COMPLAINTS: list[tuple[Any, str]] = [
    ([], "a JSON object"),
    ("text", "a JSON object"),
    ({"message": ""}, "nothing to report"),
    ({"kind": "metric", "message": "x"}, "not one of error, request"),
    ({"kind": ["error"], "message": "x"}, "not one of error, request"),
    ({"kind": "request", "route": "/", "status": 200, "duration_ms": 1}, "needs method"),
    ({"kind": "request", "method": "GET", "route": "/", "status": 200}, "duration_ms"),
    ({"kind": "request", "method": "G", "route": "/", "status": True, "duration_ms": 1}, "number"),
    ({"kind": "session", "started": "1"}, "number"),
    ({"kind": "session"}, "needs one of started"),
    ({"kind": "resource", "cpu_percent": 1}, "needs host"),
    ({"kind": "resource", "host": "h"}, "needs one of cpu_percent"),
]


@pytest.mark.parametrize(("record", "reason"), COMPLAINTS)
def test_complaints(record: Any, reason: str) -> None:
    """A complaint says what is missing and what is possible."""
    assert reason in complaint_about(record)


def test_ids() -> None:
    """An id is the record's own, else of its content if it has a time, else drawn."""
    own = {"message": "a", "event_id": EVENT_ID.upper()}
    timed = {"message": "a", "timestamp": 1795447820.25}
    records = [own, timed, timed, A]
    stage = a_stage()
    first = [m.key for m in sent(stage.handle(a_request(records, seed=b"1"), AT))]
    again = [m.key for m in sent(stage.handle(a_request(records, seed=b"2"), AT))]

    assert first[0] == EVENT_ID.encode()
    assert first[:3] == again[:3]
    assert first[3] != again[3]
    assert len(set(first)) == 4


def test_ids_of_projects_differ() -> None:
    """The same bytes in two projects are two events."""
    timed = {"message": "a", "timestamp": 1795447820.25}
    keys = ["a1b2c3d4e5f60718293a4b5c6d7e8f90", "0f" * 16]
    found = {sent(a_stage().handle(a_request(timed, key=key), AT))[0].key for key in keys}

    assert len(found) == 2


def test_foreign_names_are_kept_aside() -> None:
    """What a logger means by ``source`` or ``event_id`` is kept where it does no harm."""
    (event,) = values(post_json({"message": "a", "source": "payments", "event_id": 4625}))

    assert event["extra"] == {"source": "payments", "event_id": 4625}
    assert event["source"]["ingested_by"] == "gateway"


def test_project_is_the_keys() -> None:
    """Nobody writes into another project by naming it."""
    (event,) = values(post_json({"message": "a", "project": "other"}))

    assert event["project"] == "shop"


def test_mended_records_say_so() -> None:
    """Lone surrogates, NaN and infinity are mended and the event says that it was."""
    body = rb'{"message":"cut \ud83d","extra":{"a":NaN,"b":1e400,"c":-Infinity}}'
    (event,) = values(post_json(body))

    assert event["message"] == "cut \N{REPLACEMENT CHARACTER}"
    assert event["extra"] == {"a": None, "b": None, "c": None}
    assert event["_meta"] == {"repaired": True}


def test_too_many_records() -> None:
    """A request has a limit of records."""
    answer = post_json([A] * 4, max_records=3)

    assert answer.reply.status == 413
    assert answer.messages == []


def test_many_errors_are_told_in_part() -> None:
    """The reply lists the first errors only; every bad record is kept."""
    answer = post_json([A, *[{}] * 300])

    assert len(reply_json(answer)["errors"]) == 100
    assert len(sent(answer, "dead-letters")) == 300


def test_dead_letters_differ() -> None:
    """Equal bad records are letters of their own, and the same again when sent again."""

    def offsets() -> list[bytes]:
        """Return where the letters of a request stand."""
        answer = post_json([A, {}, {}, {"x": 1}])
        return [dict(letter.headers)["offset"] for letter in sent(answer, "dead-letters")]

    assert offsets() == offsets()
    assert len(set(offsets())) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"{\n" * 50_000,
        b'{"a":[\n' * 20_000,
        b"x" * 2_000_000,
        b"".join(TEXTS) * 15_000,
        b'{"a":1}{"b":' * 40_000,
        b"[[[[" * 100_000 + b"]",
        b'{"message":"' + b"\\" * 1_000_001,
    ],
)
def test_hostile_bodies_take_little_time(body: bytes) -> None:
    """No body makes the parser look at it again and again."""
    began = time.perf_counter()
    post_json(body)

    assert time.perf_counter() - began < 3


@given(st.binary(max_size=300))
def test_fuzzed(body: bytes) -> None:
    """No bytes whatever are answered with 5xx."""
    assert post_json(body).reply.status < 500


@given(
    st.lists(
        st.dictionaries(st.text(max_size=4), st.text(max_size=8), max_size=3)
        | st.just({"message": "x"}),
        max_size=6,
    ),
    st.sampled_from([b"\n", b"", b" ", b",", b"\r\n"]),
)
def test_framing_does_not_matter(records: list[dict[str, str]], separator: bytes) -> None:
    """Records in a row give what the array of them gives."""
    body = separator.join(orjson.dumps(record) for record in records)
    if len(records) > 1:
        assert messages(post_json(body)) == messages(post_json(records))
