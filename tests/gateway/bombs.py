"""Bodies that are small on the wire and 200 MiB unpacked."""

import functools
import zlib
from collections.abc import Callable

import brotli
import zstandard

MIB = b"\0" * 2**20
SIZE_MIB = 200


@functools.cache
def zlib_bomb(wbits: int) -> bytes:
    """Return a bomb in gzip's or zlib's wrapping."""
    stream = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(stream.compress(MIB) for _ in range(SIZE_MIB)) + stream.flush()


@functools.cache
def brotli_bomb() -> bytes:
    """Return a bomb in brotli."""
    stream = brotli.Compressor(quality=5)
    return b"".join(stream.process(MIB) for _ in range(SIZE_MIB)) + bytes(stream.finish())


@functools.cache
def zstd_bomb() -> bytes:
    """Return a bomb in zstd."""
    stream = zstandard.ZstdCompressor().compressobj()
    return b"".join(stream.compress(MIB) for _ in range(SIZE_MIB)) + stream.flush()


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: zlib_bomb(31),
    "deflate": lambda: zlib_bomb(15),
    "br": brotli_bomb,
    "zstd": zstd_bomb,
}
