"""Sentry's items: which becomes what."""

from datetime import timedelta
from typing import Any

import msgspec
import orjson
import pytest

from pipeline.gateway.exchange import Answer
from pipeline.gateway.formats.sentry import service_of
from pipeline.gateway.raw_event import stamp
from pipeline.model.client_report import ClientReport
from tests.build import AT
from tests.gateway.build import (
    EVENT_ID,
    a_request,
    a_stage,
    an_envelope,
    post_envelope,
    reply_json,
    sent,
    values,
)

TRACE = {"trace_id": "2d237f83a7ce4793a4f22202a5416e1e", "span_id": "ab0a605cd59bcf95"}


def one(answer: Answer) -> dict[str, Any]:
    """Return the only event of an answer."""
    (value,) = values(answer)
    return value


def noted(answer: Answer) -> dict[tuple[str, str], int]:
    """Return how many of each kind had which outcome."""
    return {
        (note.labels["kind"], note.labels["outcome"]): note.n
        for note in answer.notes
        if note.name == "gateway_items"
    }


def a_transaction(**more: Any) -> dict[str, Any]:
    """Return a transaction that was a request to a server."""
    return {
        "type": "transaction",
        "transaction": "GET /items/{id}",
        "start_timestamp": "2026-11-24T12:00:00.000Z",
        "timestamp": "2026-11-24T12:00:00.250Z",
        "contexts": {"trace": {**TRACE, "op": "http.server", "status": "ok"}},
        **more,
    }


def a_span(**more: Any) -> dict[str, Any]:
    """Return a root span that was a request to a server, as Node sends it."""
    attributes = {
        "sentry.op": "http.server",
        "http.request.method": "POST",
        "http.route": "/orders/:id",
        "http.response.status_code": 503,
        "sentry.release": "shop@1",
        "sentry.environment": "staging",
    }
    typed = {name: {"value": value, "type": "x"} for name, value in attributes.items()}
    return {
        **TRACE,
        "name": "POST /orders/:id",
        "start_timestamp": 1795521600.0,
        "end_timestamp": 1795521601.5,
        "is_segment": True,
        "status": "error",
        "attributes": typed,
        **more,
    }


def test_headers_of_a_message() -> None:
    """A message is keyed by its id and carries CloudEvents headers and the trace."""
    event = {"message": "boom", "event_id": EVENT_ID, "contexts": {"trace": TRACE}}
    (message,) = sent(post_envelope(("event", event)))

    assert message.key == EVENT_ID.encode()
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": EVENT_ID.encode(),
        "ce_source": b"/gateway/sentry/shop",
        "ce_type": b"events.raw.v1",
        "ce_time": b"2026-11-24T12:00:00.000Z",
        "content-type": b"application/json",
        "traceparent": f"00-{TRACE['trace_id']}-{TRACE['span_id']}-01".encode(),
    }


def test_header_wins_over_payload() -> None:
    """The id of the header wins, is told in the answer, and belongs to the first event alone."""
    dashed = "9A024377-723E-483B-BE56-7652F9EA22D3"
    event = {"message": "boom", "event_id": "cd" * 16}
    answer = post_envelope(("event", event), ("event", event), event_id=dashed)

    assert [value["event_id"] for value in values(answer)] == [EVENT_ID, "cd" * 16]
    assert reply_json(answer) == {"id": EVENT_ID}


def test_event_without_any_id() -> None:
    """An event without an id gets one, and the client is told."""
    answer = post_envelope(("event", {"message": "boom"}))

    assert reply_json(answer) == {"id": one(answer)["event_id"]}


def test_store_takes_one_event() -> None:
    """The old endpoint takes a bare event, and a bare transaction."""
    stage = a_stage()
    event = a_request({"message": "boom", "event_id": EVENT_ID}, path="/api/42/store")
    request = a_request(a_transaction(event_id=EVENT_ID), path="/api/42/store/")

    assert reply_json(stage.handle(event, AT)) == {"id": EVENT_ID}
    assert one(stage.handle(event, AT))["kind"] == "error"
    assert one(stage.handle(request, AT))["kind"] == "request"


SERVICES: list[tuple[dict[str, Any], str]] = [
    ({}, "shop"),
    ({"service": " pay "}, "pay"),
    ({"service": 7, "tags": {"service": "cart"}}, "cart"),
    ({"tags": [["a", "b"], None, ["service", "cart"]]}, "cart"),
    ({"tags": [["service"]]}, "shop"),
    ({"contexts": {"otel": {"resource": {"service.name": "mail"}}}}, "mail"),
    ({"service": "s" * 300}, "s" * 200),
    ({"service": "  "}, "shop"),
]


@pytest.mark.parametrize(("event", "service"), SERVICES)
def test_service(event: dict[str, Any], service: str) -> None:
    """The service is the event's own, its tag's, its resource's, or the project."""
    assert service_of(event, "shop") == service


def test_transaction_is_a_request() -> None:
    """A transaction of a server becomes a request."""
    header = {"trace": {"sample_rate": "0.25"}}
    payload = a_transaction(release="r1", environment="staging", tags={"service": "cart"})
    value = one(post_envelope(("transaction", payload), event_id=EVENT_ID, **header))
    fields = ("kind", "event_id", "method", "route", "status", "duration_ms", "service")

    assert [value[name] for name in fields] == [
        *("request", EVENT_ID, "GET", "/items/{id}", 200, 250.0, "cart")
    ]
    assert (value["release"], value["environment"], value["sample_weight"]) == ("r1", "staging", 4)
    assert value["trace"] == TRACE
    assert value["timestamp"] == payload["timestamp"]


STATUS: list[tuple[dict[str, Any], int]] = [
    ({"op": "http.server"}, 200),
    ({"op": "http.server", "status": "internal_error"}, 500),
    ({"op": "http.server", "status": "not_found"}, 404),
    ({"op": "http.server", "status": "nonsense"}, 200),
    ({"op": "http.server", "data": {"http.response.status_code": 418}}, 418),
    ({"op": "http.server", "data": {"http.status_code": "503"}}, 503),
    ({"op": "http.server", "data": {"http.response.status_code": 99_999}, "status": "ok"}, 200),
    ({"op": "http.server", "data": {"http.response.status_code": "x" * 50}}, 200),
]


@pytest.mark.parametrize(("trace", "status"), STATUS)
def test_status(trace: dict[str, Any], status: int) -> None:
    """The status is HTTP's own, or what the span's status stands for."""
    answer = post_envelope(("transaction", a_transaction(contexts={"trace": trace})))

    assert one(answer)["status"] == status


NO_REQUESTS: list[dict[str, Any]] = [
    {"contexts": {"trace": {"op": "task"}}, "transaction": "checkout"},
    {"contexts": {"trace": {"op": "http.client"}}},
    {"contexts": None, "transaction": 7},
    {"timestamp": None},
    {"start_timestamp": "yesterday"},
]


@pytest.mark.parametrize("change", NO_REQUESTS)
def test_transaction_that_is_no_request(change: dict[str, Any]) -> None:
    """A transaction that was no request is counted and dropped."""
    answer = post_envelope(("transaction", a_transaction(**change)))

    assert answer.reply.status == 200
    assert answer.messages == []
    assert noted(answer) == {("transaction", "dropped"): 1}


def test_span_is_a_request() -> None:
    """A root span of a server becomes a request, its children are dropped."""
    child = a_span(is_segment=False)
    answer = post_envelope(("span", {"version": 2, "items": [child, a_span(), "x"]}))
    value = one(answer)
    fields = ("kind", "method", "route", "status", "duration_ms", "service", "environment")

    assert [value[name] for name in fields] == [
        *("request", "POST", "/orders/:id", 503, 1500.0, "shop", "staging")
    ]
    assert noted(answer) == {("span", "dropped"): 2, ("request", "accepted"): 1}


def test_span_sent_twice_is_one() -> None:
    """A span has an id of what it is: the same span again is the same request."""
    first, again = (one(post_envelope(("span", a_span()))) for _ in range(2))

    assert first["event_id"] == again["event_id"]
    assert first["event_id"] != one(post_envelope(("span", a_span(span_id="0" * 16))))["event_id"]


# (updates of one session, sums of started, exited, errored, crashed, abnormal)
LIVES: list[tuple[list[dict[str, Any]], tuple[int, ...]]] = [
    ([{"init": True, "status": "ok"}, {"status": "exited"}], (1, 1, 0, 0, 0)),
    ([{"init": True, "status": "ok", "errors": 1}], (1, 0, 1, 0, 0)),
    ([{"init": True, "status": "exited", "errors": 1}], (1, 0, 1, 0, 0)),
    (
        [
            {"init": True, "status": "ok"},
            {"status": "ok", "errors": 1},
            {"status": "exited", "errors": 1},
        ],
        (1, 0, 1, 0, 0),
    ),
    ([{"init": True}, {"status": "crashed", "errors": 1}], (1, 0, 0, 1, 0)),
    ([{"init": True, "status": "abnormal"}], (1, 0, 0, 0, 1)),
    ([{"init": True, "status": ["odd"], "errors": "x"}], (1, 0, 0, 0, 0)),
]


@pytest.mark.parametrize(("updates", "wanted"), LIVES)
def test_session_updates(updates: list[dict[str, Any]], wanted: tuple[int, ...]) -> None:
    """However often a session reports itself, each fact of it is counted once."""
    found = [
        value
        for update in updates
        for value in values(post_envelope(("session", {"sid": "s1", **update})))
    ]
    names = ("started", "exited", "errored", "crashed", "abnormal")

    assert tuple(sum(value[name] for value in found) for name in names) == wanted
    assert {value["session_id"] for value in found} == {"s1"}


def test_session_aggregates() -> None:
    """Each minute of an aggregate becomes an event; two processes may report the same."""
    aggregates = [
        {"started": "2026-11-24T11:59:00Z", "exited": 3, "errored": 1},
        {"started": "2026-11-24T12:00:00Z", "crashed": 1, "exited": -4, "abnormal": "x"},
        "nonsense",
    ]
    payload = {"attrs": {"release": "r", "environment": "e"}, "aggregates": aggregates}
    first, again = post_envelope(("sessions", payload)), post_envelope(("sessions", payload), a=1)
    found = values(first)

    assert [value["started"] for value in found] == [4, 1]
    assert [value["timestamp"] for value in found] == [a["started"] for a in aggregates[:2]]  # type: ignore[index]
    assert {(v["release"], v["environment"], v["service"]) for v in found} == {("r", "e", "shop")}
    other_seed = a_request(an_envelope(("sessions", payload)), path="/api/1/envelope", seed=b"2")
    other = values(a_stage().handle(other_seed, AT))
    assert {v["event_id"] for v in found} & {v["event_id"] for v in other} == set()
    assert len(values(again)) == 2


def test_too_many_sessions() -> None:
    """An envelope has at most 100 sessions; the rest is refused, told and kept."""
    payload = {"aggregates": [{"started": 1795521600, "exited": 1}] * 101}
    answer = post_envelope(("sessions", payload))

    assert answer.reply.status == 400
    assert len(values(answer)) == 100
    assert "more than 100 sessions" in reply_json(answer)["detail"]


def test_client_report() -> None:
    """What a client lost is passed on by reason and category, in the hour it says."""
    lost = [
        {"reason": "queue_overflow", "category": "error", "quantity": 136},
        {"reason": "sample_rate", "category": "transaction", "quantity": 0},
        {"reason": 5, "quantity": 2},
        None,
    ]
    at = (AT - timedelta(hours=3, minutes=20)).timestamp()
    answer = post_envelope(("client_report", {"timestamp": at, "discarded_events": lost}))
    reports = [
        msgspec.json.decode(message.value or b"", type=ClientReport)
        for message in sent(answer, "client-reports")
    ]

    assert [(r.reason, r.kind, r.quantity) for r in reports] == [
        ("queue_overflow", "error", 136),
        ("unknown", "unknown", 2),
    ]
    assert {stamp(r.hour) for r in reports} == {"2026-11-24T08:00:00.000Z"}
    assert len({r.report_id for r in reports}) == 2
    assert {m.key for m in sent(answer, "client-reports")} == {b"shop"}


@pytest.mark.parametrize("kind", ["attachment", "replay_recording", "profile", "check_in", "zzz"])
def test_unused_items(kind: str) -> None:
    """Items that nothing uses are skipped by their length, counted, and never an error."""
    answer = post_envelope((kind, b"\0\n{}\n\xff"), ("event", {"message": "boom"}))
    label = "unknown" if kind == "zzz" else kind

    assert answer.reply.status == 200
    assert one(answer)["message"] == "boom"
    assert noted(answer) == {(label, "dropped"): 1, ("error", "accepted"): 1}


@pytest.mark.parametrize("payload", [b"{", b"[]", b'"text"', b"\xff"])
def test_unreadable_item(payload: bytes) -> None:
    """An unreadable item is told, kept as a dead letter, and costs its neighbours nothing."""
    answer = post_envelope(("event", payload), ("session", {"init": True}))
    (letter,) = sent(answer, "dead-letters")

    assert answer.reply.status == 400
    assert [value["kind"] for value in values(answer)] == ["session"]
    assert letter.value == payload
    assert dict(letter.headers)["topic"] == b"http/envelope"
    assert "1 are accepted" in reply_json(answer)["detail"]


def test_wrong_clock() -> None:
    """A client's clock that is off by more than 55 min is corrected, one by less is not."""
    for minutes, moved in ((54, 0), (56, 56), (-600, -600)):
        sent_at = stamp(AT - timedelta(minutes=minutes))
        event = {"message": "boom", "timestamp": sent_at}
        value = one(post_envelope(("event", event), sent_at=sent_at))

        assert value["timestamp"] == stamp(AT - timedelta(minutes=minutes - moved))


def test_time_that_is_none() -> None:
    """What is no time stays as it is, whatever the clock."""
    event = {"message": "boom", "timestamp": "yesterday"}

    assert one(post_envelope(("event", event), sent_at=0.5))["timestamp"] == "yesterday"


@pytest.mark.parametrize(("keep", "user"), [(True, {"ip_address": "192.0.2.7"}), (False, {})])
def test_address(keep: bool, user: dict[str, str]) -> None:  # noqa: FBT001  a parameter of a test
    """``{{auto}}`` is the sender's address where it may be kept, else nothing."""
    body = an_envelope(("event", {"message": "boom", "user": {"ip_address": "{{auto}}"}}))
    stage = a_stage(keep_client_ip=keep)

    assert one(stage.handle(a_request(body, path="/api/1/envelope"), AT))["user"] == user


def test_mended_event() -> None:
    """An event with lone surrogates and NaN arrives, mended and marked."""
    payload = rb'{"message":"cut \ud83d","extra":{"n":NaN},"_meta":{"message":{"":{"len":9}}}}'
    value = one(post_envelope(("event", payload)))

    assert value["message"] == "cut \N{REPLACEMENT CHARACTER}"
    assert value["_meta"] == {"message": {"": {"len": 9}}, "repaired": True}


def test_unknown_keys_are_kept() -> None:
    """Nothing of an event is lost on the way."""
    event = {"message": "boom", "odd": {"deep": [1, None]}, "threads": {"values": []}}
    value = one(post_envelope(("event", event)))

    assert {name: value[name] for name in event} == event
    assert orjson.dumps(value)
