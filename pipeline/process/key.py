"""The canonical key of an event, the part that decides its group, and the fingerprint of it."""

import re
from hashlib import sha256
from typing import Any, Final

import orjson

from pipeline.model.group import CanonicalKey
from pipeline.process.normalise import tokens
from pipeline.process.values import text

VERSION: Final = 1
_DEFAULT = re.compile(r"\{\{\s{0,8}default\s{0,8}\}\}")
_MOST_VALUES: Final = 64
_MOST_CACHED: Final = 100_000

_fingerprints: dict[tuple[str, CanonicalKey], str] = {}


def canonical_key(
    service: str,
    error_type: str,
    frames: tuple[str, ...],
    message: str,
    fingerprint: Any = None,
) -> CanonicalKey:
    """Return the key: a client's values, else the frames, else the words of the message.

    A plain client fingerprint has no type, so that it has one owner. With ``{{ default }}`` in
    it the other values refine the key that the event has anyway.
    """
    values = _values(fingerprint)
    refine = tuple(value for value in values if not _DEFAULT.fullmatch(value))
    if values and len(refine) == len(values):
        return CanonicalKey(service, "", "client", values)
    if frames and error_type:
        return CanonicalKey(service, error_type, "stack", frames, refine)
    parts = tokens(message) or (message.strip()[:200] or "(no message)",)
    return CanonicalKey(service, error_type, "message", parts, refine)


def fingerprint_of(project: str, key: CanonicalKey) -> str:
    """Return 16 hex digits of the SHA-256 over version, project and key as JSON."""
    found = _fingerprints.get((project, key))
    if found is None:
        if len(_fingerprints) >= _MOST_CACHED:
            _fingerprints.clear()
        parts = [key.service, key.error_type, key.kind, list(key.parts), list(key.refine)]
        digest = sha256(orjson.dumps([VERSION, project, parts]))
        found = _fingerprints[project, key] = digest.hexdigest()[:16]
    return found


def _values(fingerprint: Any) -> tuple[str, ...]:
    """Return a client's fingerprint as texts."""
    if isinstance(fingerprint, str):
        fingerprint = [fingerprint]
    if not isinstance(fingerprint, list):
        return ()
    return tuple(text(value) for value in fingerprint[:_MOST_VALUES] if value is not None)
