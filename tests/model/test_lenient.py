"""JSON as clients really send it."""

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.event import event_id_of
from pipeline.model.lenient import loads, mend

MENDED: list[tuple[bytes, Any]] = [
    (rb'{"a":"x\ud800y"}', {"a": "x\N{REPLACEMENT CHARACTER}y"}),
    (rb'{"\udfff":1}', {"\N{REPLACEMENT CHARACTER}": 1}),
    (b'{"a":NaN,"b":-Infinity,"c":1e400}', {"a": None, "b": None, "c": None}),
    (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    (b'{"a":"\xff"}', {"a": "\N{REPLACEMENT CHARACTER}"}),
]


@pytest.mark.parametrize(("data", "value"), MENDED)
def test_mended(data: bytes, value: Any) -> None:
    """What one character spoils is read all the same, and told to be mended."""
    assert loads(data) == (value, True)


def test_clean_json_is_not_mended() -> None:
    """Clean JSON comes back as it is."""
    assert loads(b'{"a":"\xc3\xbc","b":1.5}') == ({"a": "ü", "b": 1.5}, False)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"{} x", b"\x00", b"[" * 100_000, b"9" * 5000 + b"NaN"]
)
def test_no_json(data: bytes) -> None:
    """What is no JSON raises ValueError, however deep it goes."""
    with pytest.raises(ValueError, match=r".+"):
        loads(data)


def test_surrogate_pairs_are_characters() -> None:
    """An escaped pair is one character; only a lone half is replaced."""
    value, _ = loads(rb'["\ud83d\ude00", NaN]')

    assert value == ["\N{GRINNING FACE}", None]


def test_big_numbers() -> None:
    """Numbers beyond 64 bits are kept as text."""
    assert mend([2**80, -(2**63), 2**64 - 1]) == [str(2**80), -(2**63), 2**64 - 1]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, categories=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(ANYTHING)
def test_mended_can_be_written(value: Any) -> None:
    """Whatever the standard library writes is read, and what is read can be written."""
    found, _ = loads(json.dumps(value).encode())
    written = orjson.loads(orjson.dumps(found))

    assert isinstance(written, type(found)) or math.isclose(written, found)


@pytest.mark.parametrize(
    ("value", "event_id"),
    [
        ("9a024377723e483bbe567652f9ea22d3", "9a024377723e483bbe567652f9ea22d3"),
        (" 9A024377-723E-483B-BE56-7652F9EA22D3 ", "9a024377723e483bbe567652f9ea22d3"),
        ("9a024377", ""),
        ("z" * 32, ""),
        (None, ""),
        (17, ""),
    ],
)
def test_event_ids(value: object, event_id: str) -> None:
    """An id is 32 hex digits or a UUID in any case, and nothing else."""
    assert event_id_of(value) == event_id
