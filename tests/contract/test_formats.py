"""Captured requests of real clients, each against what INDEX.json says of it."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from pipeline.gateway.inflate import inflate
from pipeline.model.lenient import mend
from tests.build import AT
from tests.gateway.build import ALL, ENVELOPES, Capture, a_stage, reply_json, sent, values
from tests.gateway.encodings import ENCODERS

LIMIT = 100 * 2**20


def names(captures: list[Capture]) -> pytest.MarkDecorator:
    """Return the parameters of a test over captures."""
    return pytest.mark.parametrize("capture", captures, ids=lambda capture: capture.name)


def raised(event: dict[str, Any]) -> list[str | None]:
    """Return type and value of the raised exception, or None and the message."""
    exceptions = event.get("exception", {}).get("values", [])
    if not exceptions:
        return [None, event.get("message") or event["logentry"]["formatted"]]
    if not exceptions[-1].get("type"):
        return [None, event["message"]]
    return [exceptions[-1]["type"], exceptions[-1]["value"][:200]]


def test_every_client_is_covered() -> None:
    """2.14 All 52 captured envelopes are here."""
    assert len(ENVELOPES) == 52


@names(ENVELOPES)
def test_counts_ids_and_types(capture: Capture) -> None:
    """2.14 Each captured envelope becomes the events, sessions and reports it holds."""
    answer = a_stage().handle(capture.request(), AT)
    events = [value for value in values(answer) if value["kind"] == "error"]
    expected = capture.expected

    assert answer.reply.status == 200
    assert len(events) == expected.events
    if expected.events:
        assert events[0]["event_id"] == expected.event_id
        assert reply_json(answer) == {"id": expected.event_id}
        assert [raised(events[0])] == [mend(pair) for pair in expected.main]
    sessions = [value for value in values(answer) if value["kind"] == "session"]
    assert len(sessions) == sum(expected.items.get(name, 0) for name in ("session", "sessions"))
    reports = [
        {"reason": report["reason"], "category": report["kind"], "quantity": report["quantity"]}
        for report in values(answer, "client-reports")
    ]
    assert reports == expected.discarded


@names(ENVELOPES)
def test_every_item_is_counted(capture: Capture) -> None:
    """Whatever becomes of an item of an envelope, a note tells it."""
    answer = a_stage().handle(capture.request(), AT)
    noted: Counter[str] = Counter()
    for note in answer.notes:
        if note.name == "gateway_items":
            noted[note.labels["kind"]] += note.n

    assert sum(noted.values()) >= sum(capture.expected.items.values())


@names([capture for capture in ALL if capture.kind == "built"])
def test_collectors(capture: Capture) -> None:
    """Bodies of a collector give as many events as they have lines."""
    answer = a_stage().handle(capture.request(), AT)

    assert reply_json(answer) == {"accepted": capture.expected.events, "rejected": 0, "errors": []}
    assert len(values(answer)) == capture.expected.events


@names(ALL)
def test_sent_twice(capture: Capture) -> None:
    """The same request again brings no new ids, except for counts that name no session."""
    first = a_stage().handle(capture.request(), AT)
    again = a_stage().handle(capture.request(), AT)

    assert [message.key for message in sent(first)] == [message.key for message in sent(again)]


@names(ALL)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_cut_short(capture: Capture, share: float) -> None:
    """A body that was cut short is answered 400 and brings nothing into the topic."""
    body = capture.body
    answer = a_stage().handle(capture.request(body[: int(len(body) * share)]), AT)

    assert answer.reply.status == 400
    assert not sent(answer)


@names(ALL)
def test_every_encoding_is_equal(capture: Capture) -> None:
    """A body gives the same messages in every encoding."""
    plain = inflate(capture.body, capture.encoding, LIMIT)
    wanted = a_stage().handle(capture.request(), AT).messages

    for name, encode in ENCODERS.items():
        request = capture.request(encode(plain))
        headers = [pair for pair in request.headers if pair[0] != "content-encoding"]
        headers.append(("content-encoding", name.partition("-")[0]))
        changed = msgspec.structs.replace(request, headers=tuple(headers))
        assert a_stage().handle(changed, AT).messages == wanted, name
