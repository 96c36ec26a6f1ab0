"""Content codings of the store's HTTP interface: gzip, deflate, zstd, lz4, br."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import brotli
import lz4.frame
import zstandard

CHUNK = 2**20


class Decompressor(Protocol):
    """Takes a compressed chunk, gives what it holds."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return the next plain bytes."""


class _Brotli:
    """brotli's decompressor under the common name."""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def decompress(self, data: bytes, /) -> bytes:
        """Return the next plain bytes."""
        plain: bytes = self._inner.process(data)
        return plain


_IN: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": lambda: zlib.decompressobj(15),
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "br": _Brotli,
}
_OUT: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstandard.ZstdCompressor(1).compress,
    "lz4": lz4.frame.compress,
    "gzip": lambda body: zlib.compress(body, 1, 31),
    "deflate": lambda body: zlib.compress(body, 1),
}
ERRORS = (zlib.error, zstandard.ZstdError, brotli.error, RuntimeError, EOFError)


class Undecodable(Exception):
    """A body that is not what its Content-Encoding says."""


def plain(coding: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the decompressed chunks of a body; raises Undecodable."""
    if coding in {"", "identity"}:
        yield from chunks
        return
    if coding not in _IN:
        raise Undecodable(f"Content-Encoding {coding} is not known")
    inner = _IN[coding]()
    try:
        for chunk in chunks:
            if data := inner.decompress(chunk):
                yield data
    except ERRORS as error:
        raise Undecodable(f"the body is not {coding}: {error}") from error


def compress(accepted: str, body: bytes) -> tuple[bytes, str]:
    """Return the body in the best coding that the client accepts, and its name ('' = as it is)."""
    names = [part.partition(";")[0].strip().lower() for part in accepted.split(",")]
    for name, pack in _OUT.items():
        if name in names:
            return pack(body), name
    return body, ""
