"""Frames as bytes: msgpack arrays, the version first."""

from collections.abc import Iterator
from typing import Final

import msgspec

from pipeline.model.frame import VERSION, Frame, Row, Sources
from pipeline.model.stage import Unreadable

LIMIT: Final = 512 * 1024

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What every version begins with."""

    v: int


_head = msgspec.msgpack.Decoder(_Head)


def encode(frame: Frame) -> bytes:
    """Return the frame as bytes."""
    return _encoder.encode(frame)


def encode_parts(frame: Frame, limit: int = LIMIT) -> Iterator[bytes]:
    """Yield the frame in parts of at most ``limit`` bytes; the last one alone has the sources.

    With the watermark in an earlier part, windows would close before the later rows arrive.
    A single row above the limit stays whole.
    """
    whole = encode(frame)
    if len(whole) <= limit or len(frame.rows) < 2:
        yield whole
        return
    middle = len(frame.rows) // 2
    yield from encode_parts(_share(frame, {}, frame.rows[:middle]), limit)
    yield from encode_parts(_share(frame, frame.sources, frame.rows[middle:]), limit)


def decode(value: bytes | None) -> Frame:
    """Return the frame; raises Unreadable for an unknown version and for anything broken."""
    try:
        frame = _decoder.decode(value or b"")
    except _BROKEN as error:
        raise Unreadable(*_complaint(value or b"", error)) from error
    if frame.v != VERSION:
        raise Unreadable(*_unknown(frame.v))
    return frame


def _share(frame: Frame, sources: Sources, rows: list[Row]) -> Frame:
    """Return a part of the frame."""
    return Frame(frame.v, frame.stage, frame.n_sources, sources, rows)


def _complaint(value: bytes, error: Exception) -> tuple[str, str]:
    """Tell a frame of another version from a broken one."""
    try:
        version = _head.decode(value).v
    except _BROKEN:
        version = VERSION
    if version != VERSION:
        return _unknown(version)
    return "frame_broken", f"not a frame: {error}; only process and group may write to frames"


def _unknown(version: int) -> tuple[str, str]:
    """Say what to do about a version nobody here can read."""
    return (
        "frame_version",
        f"frame version {version} is unknown, version {VERSION} is read here; upgrade aggregate",
    )
