"""Bodies unpacked under absolute limits."""

import contextlib
import gzip
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gateway.exchange import Refused
from pipeline.gateway.inflate import beginning, inflate
from tests.gateway.bombs import BOMBS
from tests.gateway.encodings import ENCODERS, raw_deflate

LIMIT = 2**20
BODY = b'{"message":"boom"}' * 1000
PACKED = {name: encode for name, encode in ENCODERS.items() if name != "identity"}


def status_of(body: bytes, encoding: str, limit: int = LIMIT) -> int:
    """Return the status with which a body is refused."""
    with pytest.raises(Refused) as caught:
        inflate(body, encoding, limit)
    return caught.value.status


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoding(name: str) -> None:
    """A body comes back the same from every encoding, whatever the case of its name."""
    packed = ENCODERS[name](BODY)

    assert inflate(packed, name.partition("-")[0].upper(), LIMIT) == BODY


@pytest.mark.parametrize("name", PACKED)
def test_cut_anywhere(name: str) -> None:
    """A stream that ends too early is 400, wherever it was cut."""
    packed = PACKED[name](BODY)
    for end in range(1, len(packed)):
        assert status_of(packed[:end], name.partition("-")[0]) == 400, end


@pytest.mark.parametrize("name", PACKED)
def test_limit_is_exact(name: str) -> None:
    """As many bytes as allowed pass, one more is 413."""
    packed = PACKED[name](BODY)
    encoding = name.partition("-")[0]

    assert inflate(packed, encoding, len(BODY)) == BODY
    assert status_of(packed, encoding, len(BODY) - 1) == 413


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_takes_little_memory(name: str) -> None:
    """A bomb of 200 MiB is stopped at the limit."""
    bomb = BOMBS[name]()
    tracemalloc.start()
    status = status_of(bomb, name, 20 * 2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert status == 413
    assert peak < 40 * 2**20


@pytest.mark.parametrize("name", BOMBS)
def test_beginning(name: str) -> None:
    """The beginning of a bomb can be looked at without unpacking the rest."""
    bomb = BOMBS[name]()
    tracemalloc.start()
    found = beginning(bomb, name, 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found[:1000] == bytes(1000)
    assert peak < 20 * 2**20


def test_several_members() -> None:
    """Streams in a row are one body, as both formats have it."""
    assert inflate(gzip.compress(BODY) + gzip.compress(b"x"), "gzip", LIMIT) == BODY + b"x"
    frame = zstandard.ZstdCompressor().compress
    assert inflate(frame(BODY) + frame(b"x"), "zstd", LIMIT) == BODY + b"x"


def test_unknown_encoding() -> None:
    """An encoding nobody knows is 415 and the text names those that are."""
    with pytest.raises(Refused, match="use br, gzip, deflate, zstd or none") as caught:
        inflate(BODY, "compress", LIMIT)

    assert caught.value.status == 415


@given(body=st.binary(max_size=300), name=st.sampled_from(["gzip", "deflate", "br", "zstd"]))
def test_garbage(body: bytes, name: str) -> None:
    """Whatever bytes come, they are unpacked or refused."""
    with contextlib.suppress(Refused):
        assert len(inflate(body, name, LIMIT)) <= LIMIT


@given(body=st.binary(max_size=3000), name=st.sampled_from(list(ENCODERS)))
def test_round_trip(body: bytes, name: str) -> None:
    """What was packed comes back the same."""
    assert inflate(ENCODERS[name](body), name.partition("-")[0], LIMIT) == body


def test_raw_deflate_needs_no_header() -> None:
    """Raw deflate is told from zlib by its first bytes."""
    assert inflate(raw_deflate(b"x"), "deflate", LIMIT) == b"x"
