"""Every encoding a body may have; the part of a name before the dash is the header's value."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import zstandard


def raw_deflate(body: bytes) -> bytes:
    """Return a deflate stream without the header of zlib."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return stream.compress(body) + stream.flush()


def brotli_5(body: bytes) -> bytes:
    """Return a brotli stream, at a level that takes no minutes for large bodies."""
    compressed: bytes = brotli.compress(body, quality=5)
    return compressed


def zstd(body: bytes) -> bytes:
    """Return a zstd frame."""
    return zstandard.ZstdCompressor().compress(body)


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate-zlib": zlib.compress,
    "deflate-raw": raw_deflate,
    "br": brotli_5,
    "zstd": zstd,
}
