"""Frames as bytes: what is written can be read, anything else is refused with a reason."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.frames.codec import decode, encode, encode_parts
from pipeline.model.frame import VERSION, Frame, OutcomeRow, Row, ServiceRow
from pipeline.model.stage import Unreadable


def a_frame(rows: int = 1, version: int = VERSION) -> Frame:
    """Return a frame of one service's buckets."""
    made: list[Row] = [
        ServiceRow("default", "shop", "production", i * 60_000, error=i, latency={3: i}, users=[i])
        for i in range(rows)
    ]
    return Frame(version, "process", 4, {0: (5, 9, 1000)}, made)


def test_a_frame_survives_the_wire() -> None:
    """Rows of every kind come back equal."""
    frame = a_frame(3)
    frame.rows.append(OutcomeRow("default", "shop", 0, "error", "accepted", "", 7))

    assert decode(encode(frame)) == frame


def test_a_small_frame_stays_whole() -> None:
    """Below the limit there is one part."""
    assert list(encode_parts(a_frame(3))) == [encode(a_frame(3))]


@given(st.integers(min_value=0, max_value=60), st.integers(min_value=60, max_value=600))
def test_a_split_frame_tells_its_sources_once(rows: int, limit: int) -> None:
    """Parts hold all rows in order, obey the limit, and only the last one has the sources."""
    frame = a_frame(rows)

    parts = list(encode_parts(frame, limit))
    decoded = [decode(part) for part in parts]

    assert [row for part in decoded for row in part.rows] == frame.rows
    assert [part.sources for part in decoded[:-1]] == [{}] * (len(parts) - 1)
    assert decoded[-1].sources == frame.sources
    assert all(len(part) <= limit or len(decode(part).rows) == 1 for part in parts)


@pytest.mark.parametrize("value", [encode(a_frame(version=2)), msgspec.msgpack.encode([2, {}])])
def test_an_unknown_version_is_refused(value: bytes) -> None:
    """A frame of another version, whatever its shape, says so and what to do."""
    with pytest.raises(Unreadable, match="frame version 2 is unknown") as caught:
        decode(value)

    assert caught.value.reason == "frame_version"


def refusal(value: bytes) -> str:
    """Return why the bytes are refused, nothing if they are a frame; other errors pass."""
    try:
        decode(value)
    except Unreadable as refused:
        return refused.reason
    return ""


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x91" * 100_000)
@example(b"\x95\x01\xa7\xff\xff\xff\xff\xff\xff\xff\x04\x80\x90")
def test_noise_is_unreadable(value: bytes) -> None:
    """Any bytes are a frame or Unreadable, never another error."""
    assert refusal(value) in {"", "frame_broken", "frame_version"}


@given(st.data())
def test_a_damaged_frame_is_read_or_refused(data: st.DataObject) -> None:
    """Changed and lost bytes never cause another error than Unreadable."""
    value = bytearray(encode(a_frame(2)))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(value)))

    assert refusal(bytes(value[:cut])) in {"", "frame_broken", "frame_version"}


def test_a_tombstone_is_unreadable() -> None:
    """A record without a value is refused too."""
    with pytest.raises(Unreadable):
        decode(None)
