"""Reading events: mended bytes, the smallest event, refusals, and that nothing is ever a bug."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model.event import MAX_VALUE_BYTES
from pipeline.model.frame import OutcomeRow, ServiceRow
from pipeline.process.glance import glance
from tests.build import AT
from tests.process.build import a_stage, an_event, fed, novel, outcomes, reason, rows


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
        (b'{"service":"shop","message":"inf","extra":{"n":1e400,"m":[-1e999]}}', "inf"),
        (b'{"service":"shop","message":"key","extra":{"a\\udfffb":1}}', "key"),
        (b'{"service":"shop","message":"both \xff","_meta":{"user":{}}}', "both \ufffd"),
    ],
)
def test_mended(raw: bytes, message: str) -> None:
    """Surrogates, a BOM, NaN, invalid UTF-8 and NUL are mended and marked where the rest parses."""
    row = novel(raw).row

    assert row.message == message
    assert orjson.loads(row.contexts)["_meta"]["repaired"] is True


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
        (b'{"service":"shop","project":{"id":1},"message":"x"}', "wrong_type"),
        (b'{"project":["shop"],"message":"x"}', "wrong_type"),
        (b'{"service":"shop","exception":17}', "wrong_type"),
        (b'{"service":"shop","exception":{"values":"boom"}}', "wrong_type"),
        (b'{"service":"shop"}', "no_content"),
        (b'{"service":"shop","message":null,"exception":{"values":[]}}', "no_content"),
        (b'{"service":"shop","exception":{"values":[null]}}', "no_content"),
        (b'{"service":"shop","message":"  "}', "no_content"),
        (b'{"service":"shop","exception":true}', "no_content"),
        (b'{"service":"shop","err":{},"exc_info":true}', "no_content"),
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

# The first draw loads Unicode's tables, which a busy machine does not do in a second.
patient = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@patient
@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6))
def test_no_shape_is_a_bug(fields: dict[str, Any]) -> None:
    """R8 Whatever stands in any field: the event is accepted or refused, never an error."""
    stage = a_stage()
    said = fed(stage, {"service": "shop", **fields})
    row_count = len(rows(stage, ServiceRow))

    assert len(said) <= 1
    assert row_count <= 1


@patient
@given(st.binary(max_size=60))
def test_no_bytes_are_a_bug(raw: bytes) -> None:
    """R8 Whatever the bytes are, they are an event or refused with a reason."""
    assert len(fed(a_stage(), raw)) <= 1


ORDINARY = st.fixed_dictionaries(
    {"event_id": st.just("a" * 32), "service": st.sampled_from(("shop", " ", "\0"))},
    optional={
        "message": st.none() | st.sampled_from(("boom", " ", "\0", '{"a":1}', "{", 3, ["x"])),
        "project": st.none() | st.sampled_from(("shop", "\0", " ", 7, {"a": 1})),
        "kind": st.sampled_from(("error", "", None, "request", "session")),
        "exception": ANYTHING,
        "environment": ANYTHING,
        "status": ANYTHING,
        "duration_ms": ANYTHING,
        "env": ANYTHING,
        "log": ANYTHING,
        "err": ANYTHING,
    },
)


@patient
@given(ORDINARY)
def test_a_glance_agrees_with_reading(event: dict[str, Any]) -> None:
    """R8 What a restart takes for counted at a glance is what reading in full accepts."""
    raw = orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS)
    seen = glance(raw)
    stage = a_stage()
    said = fed(stage, raw)

    if seen is not None:
        assert not any(isinstance(answer, str) for answer in said)
        assert fed(stage, raw, offset=1) == []  # a repeat of the same id
        assert {row.project for row in rows(stage, OutcomeRow)} == {seen[0]}


def test_reasons_are_labels() -> None:
    """A reason is one word, so that it can be counted."""
    assert reason(b"x").isidentifier()
