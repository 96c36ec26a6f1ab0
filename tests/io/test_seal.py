"""Dead letters are sealed on their way to Kafka, and opened by who has the key."""

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.io.seal import Original, Seal, SealError, seal_of
from pipeline.io.settings import KafkaSettings
from pipeline.model.dead_letter import dead_letter
from pipeline.model.stage import Record, Sent
from tests.build import AT
from tests.scrub.corpus import CANARY

KEY = bytes(range(32))
VALUE = b'{"message": "x", "extra": {"password": "%b"}, "cut' % CANARY.encode()
FOREIGN = (("x-authorization", CANARY.encode()), ("n", b"\xff\x00"))
RECORD = Record("events.raw", 2, 17, 1, b"k", VALUE, FOREIGN)
LETTER = dead_letter(RECORD, "process", "not_json", "at byte 9", AT)


def everything_of(message: Sent) -> bytes:
    """Return all bytes of a message."""
    headers = b"".join(name.encode() + value for name, value in message.headers)
    return (message.key or b"") + (message.value or b"") + headers


def test_a_sealed_letter_shows_nothing_and_opens_to_the_same_bytes() -> None:
    """R8 2.20 Body and foreign headers are unreadable in the letter and byte-identical opened."""
    closed = Seal(KEY).close(LETTER)

    assert CANARY in everything_of(LETTER).decode("latin-1")
    assert CANARY.encode() not in everything_of(closed)
    assert Seal(KEY).open(closed.value, closed.headers) == Original(VALUE, FOREIGN)
    assert dict(closed.headers) | {"reason": b"not_json", "offset": b"17"} == dict(closed.headers)
    assert dict(closed.headers)["payload_bytes"] == str(len(VALUE)).encode()
    assert (closed.key, closed.topic) == (b"k", "dead-letters")


def test_without_a_key_the_body_is_left_out() -> None:
    """2.20 No key, no body: the letter says so and still tells place, reason and size."""
    closed = Seal().close(LETTER)
    facts = dict(closed.headers)

    assert closed.value is None
    assert CANARY.encode() not in everything_of(closed)
    assert (facts["body"], facts["reason"], facts["topic"]) == (
        b"left out",
        b"not_json",
        b"events.raw",
    )
    with pytest.raises(SealError, match="no key was configured"):
        Seal(KEY).open(closed.value, closed.headers)


def test_equal_letters_are_sealed_differently() -> None:
    """A nonce is used once: equal bytes cannot be told to be equal."""
    assert Seal(KEY).close(LETTER).value != Seal(KEY).close(LETTER).value


def test_other_messages_and_reports_of_gaps_pass() -> None:
    """Only dead letters are sealed, and only those that have a body."""
    other = Sent("groups", VALUE)
    gap = dead_letter(Record("events.raw", 0, 3, 1, None, None), "process", "gap", "", AT, end=9)

    assert Seal(KEY).close(other) is other
    assert Seal(KEY).close(gap) is gap
    assert Seal(KEY).open(gap.value, gap.headers) == Original(None, ())


def test_a_changed_letter_does_not_open() -> None:
    """2.20 A body that was altered or put beside another place is refused."""
    closed = Seal(KEY).close(LETTER)
    value = closed.value or b""
    moved = tuple((n, b"18" if n == "offset" else v) for n, v in closed.headers)

    for changed, headers in (
        (value[:-1] + bytes([value[-1] ^ 1]), closed.headers),
        (value[:20], closed.headers),
        (value[:9], closed.headers),
        (value, moved),
    ):
        with pytest.raises(SealError, match="was changed"):
            Seal(KEY).open(changed, headers)


def test_who_has_no_key_or_another_is_told() -> None:
    """Opening without a key, or with another, says which of the two it is."""
    closed = Seal(KEY).close(LETTER)

    with pytest.raises(SealError, match="dead_letter_key_file"):
        Seal().open(closed.value, closed.headers)
    with pytest.raises(SealError, match="another key"):
        Seal(bytes(32)).open(closed.value, closed.headers)


def test_letters_from_before_are_read_as_they_are() -> None:
    """A letter that nobody sealed opens to what it holds."""
    assert Seal(KEY).open(LETTER.value, LETTER.headers) == Original(VALUE, FOREIGN)


def test_a_key_is_configured_in_hex_or_base64_or_by_file(tmp_path: Path) -> None:
    """S8 The same key may be written in three ways; blanks around it in a file do not count."""
    path = tmp_path / "key"
    path.write_text(f"{KEY.hex()}\n", "utf-8")
    for settings in (
        KafkaSettings(dead_letter_key=SecretStr(KEY.hex())),
        KafkaSettings(dead_letter_key=SecretStr(base64.b64encode(KEY).decode())),
        KafkaSettings(dead_letter_key_file=path),
    ):
        closed = seal_of(settings).close(LETTER)

        assert settings.has_dead_letter_key()
        assert Seal(KEY).open(closed.value, closed.headers).value == VALUE
    assert not KafkaSettings().has_dead_letter_key()
    assert seal_of(KafkaSettings()).close(LETTER).value is None


@pytest.mark.parametrize(
    "text", ["short", "zz" * 32, "A" * 40, base64.b64encode(KEY[:16]).decode()]
)
def test_a_key_that_is_none_is_refused_without_showing_it(text: str) -> None:
    """S8 A wrong key is refused with a sentence that does not repeat it."""
    with pytest.raises(SealError) as raised:
        seal_of(KafkaSettings(dead_letter_key=SecretStr(text)))

    assert "32 bytes" in str(raised.value)
    assert text not in str(raised.value)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    """S8 A file that is not there is named."""
    with pytest.raises(SealError, match="nowhere"):
        seal_of(KafkaSettings(dead_letter_key_file=tmp_path / "nowhere"))
