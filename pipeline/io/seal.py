"""Seals dead letters: what nobody could read may hold any secret, and has to be replayable.

A sealed value is four bytes that tell the key, a nonce, and the AES-256-GCM of the original value
and headers, bound to the place that the record came from. Without a key nothing is written of them.
The headers that say what happened stay clear.
"""

import base64
import hashlib
import os
from typing import Final

import msgspec

from pipeline.io.settings import KafkaSettings
from pipeline.model.dead_letter import (
    BODY,
    LEFT_OUT,
    OWN,
    PAYLOAD_BYTES,
    SEALED,
    SRC_OFFSET,
    SRC_PARTITION,
    SRC_TOPIC,
    TOPIC,
)
from pipeline.model.stage import Headers, Sent
from pipeline.scrub.preview import preview_of

KEY_BYTES: Final = 32
_NAME_BYTES, _NONCE_BYTES = 4, 12


class SealError(Exception):
    """A key that is none, or a letter that this key does not open; the text says what to do."""


class Original(msgspec.Struct, frozen=True, array_like=True):
    """What a seal keeps."""

    value: bytes | None
    headers: Headers


class Seal:
    """Closes dead letters with one key, and opens them; without a key it leaves bodies out."""

    def __init__(self, key: bytes | None = None) -> None:
        if key is not None and len(key) != KEY_BYTES:
            raise SealError(f"the key has {len(key)} bytes; it needs {KEY_BYTES}")
        self._key = key

    def close(self, message: Sent) -> Sent:
        """Return a dead letter that shows nothing of the record; any other message as it is."""
        if message.topic != TOPIC or message.value is None:
            return message
        own = tuple(pair for pair in message.headers if pair[0] in OWN)
        sealed = None if self._key is None else self._sealed(self._key, message, own)
        told = {
            BODY: LEFT_OUT if sealed is None else SEALED,
            PAYLOAD_BYTES: str(len(message.value)),
            **preview_of(message.value),
        }
        headers = own + tuple((name, value.encode()) for name, value in told.items())
        return msgspec.structs.replace(message, value=sealed, headers=headers)

    def _sealed(self, key: bytes, message: Sent, own: Headers) -> bytes:
        """Return value and foreign headers of a letter, sealed."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        foreign = tuple(pair for pair in message.headers if pair[0] not in OWN)
        clear = msgspec.msgpack.encode(Original(message.value, foreign))
        nonce = os.urandom(_NONCE_BYTES)
        return _name(key) + nonce + AESGCM(key).encrypt(nonce, clear, _place(own))

    def open(self, value: bytes | None, headers: Headers) -> Original:
        """Return what a letter of this value and headers held; raises SealError."""
        facts = dict(headers)
        if facts.get(BODY) == LEFT_OUT.encode():
            raise SealError("its body was left out: no key was configured where it was written")
        if facts.get(BODY) != SEALED.encode() or value is None:
            return Original(value, tuple(pair for pair in headers if pair[0] not in OWN))
        if self._key is None:
            raise SealError("it is sealed: set kafka.dead_letter_key_file to its key")
        if value[:_NAME_BYTES] != _name(self._key):
            raise SealError("it is sealed with another key than the one that is configured")
        return _opened(self._key, value[_NAME_BYTES:], headers)


def _opened(key: bytes, sealed: bytes, headers: Headers) -> Original:
    """Return what was sealed; raises SealError if it or its place was changed."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        clear = AESGCM(key).decrypt(nonce, text, _place(headers))
    except (InvalidTag, ValueError) as error:
        raise SealError("it was changed after it was sealed") from error
    return msgspec.msgpack.decode(clear, type=Original)


def seal_of(settings: KafkaSettings) -> Seal:
    """Return the seal that is configured; raises SealError for a key that is none."""
    text, path = settings.dead_letter_key.get_secret_value(), settings.dead_letter_key_file
    if not text and path is None:
        return Seal()
    try:
        text = text or (path.read_text("utf-8") if path is not None else "")
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(f"kafka.dead_letter_key_file: {error}") from error
    try:
        return Seal(_key(text.strip()))
    except (ValueError, SealError) as error:
        raise SealError(f"the key of dead letters is not {KEY_BYTES} bytes in hex or base64") from (
            error
        )


def _key(text: str) -> bytes:
    """Return a key that is written in hex or in base64."""
    if len(text) == 2 * KEY_BYTES:
        return bytes.fromhex(text)
    return base64.b64decode(text, validate=True)


def _name(key: bytes) -> bytes:
    """Return what tells a key from others and nothing else."""
    return hashlib.sha256(b"tocsin dead-letters" + key).digest()[:_NAME_BYTES]


def _place(headers: Headers) -> bytes:
    """Return where the record of a letter came from."""
    facts = dict(headers)
    return b"/".join(facts.get(name, b"") for name in (SRC_TOPIC, SRC_PARTITION, SRC_OFFSET))
