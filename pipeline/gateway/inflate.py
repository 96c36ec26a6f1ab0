"""Bodies unpacked under absolute limits; a ratio would refuse honest traffic (746 to 1 was seen).

Streams that end too early come back short and without an error from all of the libraries, so each
decoder asks whether its stream is finished.
"""

import zlib
from collections.abc import Callable, Iterator

import brotli
import zstandard

from pipeline.gateway.exchange import Refused

_CHUNK = 2**18
# One step of input yields 8 MiB at most, since a block of 128 KiB takes four bytes.
_ZSTD_STEP = 256
_ZSTD_WINDOW = 2**23  # what RFC 9659 allows in HTTP
_RAW, _ZLIB, _GZIP = -15, 15, 31


class _BrokenError(Exception):
    """The stream is not what it claims to be; the text says why."""


def _zlib(body: bytes, wbits: int) -> Iterator[bytes]:
    """Yield the content of one or several zlib or gzip streams in a row."""
    rest = body
    while rest:
        stream = zlib.decompressobj(wbits)
        try:
            yield stream.decompress(rest, _CHUNK)
            while not stream.eof and stream.unconsumed_tail:
                yield stream.decompress(stream.unconsumed_tail, _CHUNK)
            while not stream.eof and (more := stream.decompress(b"", _CHUNK)):
                yield more
        except zlib.error as error:
            raise _BrokenError(str(error)) from None
        if not stream.eof:
            raise _BrokenError("it ends too early")
        rest = stream.unused_data


def _gzip(body: bytes) -> Iterator[bytes]:
    """Yield the content of a gzip body."""
    return _zlib(body, _GZIP)


def _deflate(body: bytes) -> Iterator[bytes]:
    """Yield the content of a zlib body (RFC 1950), or of a raw one, which some clients send."""
    is_zlib = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0
    return _zlib(body, _ZLIB if is_zlib else _RAW)


def _brotli(body: bytes) -> Iterator[bytes]:
    """Yield the content of a brotli body."""
    stream = brotli.Decompressor()
    try:
        chunk = stream.process(body, output_buffer_limit=_CHUNK)
        while chunk:
            yield chunk
            chunk = stream.process(b"", output_buffer_limit=_CHUNK)
    except brotli.error as error:
        raise _BrokenError(str(error)) from None
    if not stream.is_finished():
        raise _BrokenError("it ends too early")


def _zstd(body: bytes) -> Iterator[bytes]:
    """Yield the content of one or several zstd frames."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    stream = decompressor.decompressobj()
    try:
        for start in range(0, len(body), _ZSTD_STEP):
            rest = body[start : start + _ZSTD_STEP]
            while rest:
                if stream.eof:
                    stream = decompressor.decompressobj()
                yield stream.decompress(rest)
                rest = stream.unused_data
    except zstandard.ZstdError as error:
        raise _BrokenError(str(error)) from None
    if not stream.eof:
        raise _BrokenError("it ends too early")


_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the unpacked body; raises Refused with 400, 413 or 415."""
    parts: list[bytes] = []
    size = 0
    for chunk in _chunks(body, encoding):
        size += len(chunk)
        if size > limit:
            raise Refused(413, f"the body exceeds {limit} bytes unpacked: send less at once")
        parts.append(chunk)
    return b"".join(parts)


def beginning(body: bytes, encoding: str, size: int) -> bytes:
    """Return at least so many of the first unpacked bytes, or all; the rest is left packed."""
    found = b""
    for chunk in _chunks(body, encoding):
        found += chunk
        if len(found) >= size:
            break
    return found


def _chunks(body: bytes, encoding: str) -> Iterator[bytes]:
    """Yield the unpacked body in chunks; raises Refused with 400 or 415."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        yield body
        return
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise Refused(415, f"content-encoding {name!r}: use br, gzip, deflate, zstd or none")
    try:
        yield from decoder(body)
    except _BrokenError as error:
        raise Refused(400, f"the body is no complete {name} stream: {error}") from None
