"""The grammar of Sentry envelopes."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.gateway.envelope import MAX_ITEMS, parse
from pipeline.gateway.exchange import Refused
from pipeline.gateway.inflate import inflate
from tests.build import AT
from tests.gateway.build import ENVELOPES, a_request, a_stage


def payloads(body: bytes) -> list[tuple[str, bytes]]:
    """Return type and payload of each item."""
    return [(item.type, item.payload) for item in parse(body).items]


def refused(body: bytes) -> str:
    """Return why an envelope is refused with 400."""
    with pytest.raises(Refused) as caught:
        parse(body)
    assert caught.value.status == 400
    return caught.value.detail


GOOD: list[tuple[bytes, list[tuple[str, bytes]]]] = [
    (b"{}", []),
    (b"{}\n", []),
    (b"{}\n\n\n", []),
    (b'{}\n{"type":"a"}\nxyz', [("a", b"xyz")]),
    (b'{}\n{"type":"a"}\nxyz\n', [("a", b"xyz")]),
    (b'{}\n{"type":"a"}', [("a", b"")]),
    (b'{}\n{"type":"a","length":0}\n', [("a", b"")]),
    (b'{}\n{"type":"a","length":0}\n\n', [("a", b"")]),
    (b'{}\n{"type":"a","length":3}\nx\ny\n', [("a", b"x\ny")]),
    (b'{}\n{"type":"a"}\nxyz\r\n', [("a", b"xyz\r")]),
    (b'{}\n\n{"type":"a"}\nx\n\n\n{"type":"b"}\ny', [("a", b"x"), ("b", b"y")]),
    (b'{}\n{"type":"attachment","length":4}\n\0\n\r\xff\n', [("attachment", b"\0\n\r\xff")]),
    (b'{}\n{"type":"a","length":null}\nx', [("a", b"x")]),
    (b'{}\n{"type":7}\nx', [("unknown", b"x")]),
    (b'\xef\xbb\xbf{}\n{"type":"a"}\nx', [("a", b"x")]),
]


@pytest.mark.parametrize(("body", "wanted"), GOOD)
def test_grammar(body: bytes, wanted: list[tuple[str, bytes]]) -> None:
    """Items with and without a length, blank lines and binary payloads are read."""
    assert payloads(body) == wanted


BAD: list[tuple[bytes, str]] = [
    (b"", "the envelope's header is no JSON"),
    (b"[]", "the envelope's header is no JSON object"),
    (b'{"event_id":"ab', "the envelope's header is no JSON"),
    (b'{}\n{"type":"a"', "the header of item 0 is no JSON"),
    (b"{}\n17\nx", "the header of item 0 is no JSON object"),
    (b'{}\n{"type":"a","length":3}\nxy', "item 0 ends after 2 of 3 bytes"),
    (b'{}\n{"type":"a","length":3}', "item 0 ends after"),
    (b'{}\n{"type":"a","length":1}\nxy', "item 0 is longer than its length of 1"),
    (b'{}\n{"type":"a","length":-1}\nx', "the length of item 0 is -1"),
    (b'{}\n{"type":"a","length":true}\nx', "the length of item 0 is true"),
    (b'{}\n{"type":"a","length":"1"}\nx', 'the length of item 0 is "1"'),
]


@pytest.mark.parametrize(("body", "reason"), BAD)
def test_malformed(body: bytes, reason: str) -> None:
    """What breaks the grammar is 400, and the text says where."""
    assert reason in refused(body)


def test_too_many_items() -> None:
    """An envelope has a limit of items."""
    with pytest.raises(Refused) as caught:
        parse(b"{}\n" + b'{"type":"a"}\nx\n' * (MAX_ITEMS + 1))

    assert caught.value.status == 413


@given(body=st.binary(max_size=400))
@example(body=b'{}\n{"type":"event"}\n' + b"[" * 2000)
@example(body=b'{}\n{"type":"event","length":99999999999999999999}\n{}')
def test_fuzzed_bytes(body: bytes) -> None:
    """No bytes whatever are answered with 5xx."""
    answer = a_stage().handle(a_request(body, path="/api/1/envelope/"), AT)

    assert answer.reply.status < 500


KEYS = [
    *("event_id", "timestamp", "start_timestamp", "exception", "values", "stacktrace", "frames"),
    *("vars", "tags", "service", "user", "ip_address", "contexts", "trace", "op", "data", "extra"),
    *("request", "breadcrumbs", "items", "attrs", "attributes", "aggregates", "started", "errors"),
    *("status", "discarded_events", "quantity", "category", "reason", "is_segment", "name"),
    *("sent_at", "dsn", "type", "_meta", "source", "level", "otel", "resource", "sample_rate"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2026-11-24T12:00:00Z", "ok", "crashed", "http.server", "GET /x", "1e9"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)
ITEM_TYPES = st.sampled_from(
    ["event", "transaction", "span", "session", "sessions", "client_report", "log", "x"]
)


@given(header=JSON, items=st.lists(st.tuples(ITEM_TYPES, JSON), max_size=4))
def test_fuzzed_shapes(header: object, items: list[tuple[str, object]]) -> None:
    """No shape of any item is answered with 5xx, and what is accepted is small enough."""
    lines = [dumped(header)]
    for kind, payload in items:
        lines += [dumped({"type": kind}), dumped(payload)]
    request = a_request(b"\n".join(lines), path="/api/1/envelope/")
    answer = a_stage().handle(request, AT)

    assert answer.reply.status < 500
    assert all(len(message.value or b"") <= 2**20 for message in answer.messages)


def dumped(value: object) -> bytes:
    """Return JSON as the standard library writes it: NaN and lone surrogates included."""
    return json.dumps(value).encode()


@given(data=st.data())
def test_fuzzed_captures(data: st.DataObject) -> None:
    """A real envelope with any bytes exchanged is never answered with 5xx."""
    capture = data.draw(st.sampled_from(ENVELOPES))
    body = bytearray(inflate(capture.body, capture.encoding, 2**24)[:20_000])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    answer = a_stage().handle(a_request(bytes(body), path="/api/1/envelope/"), AT)

    assert answer.reply.status < 500
