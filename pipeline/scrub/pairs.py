"""``key=value`` and ``"key": "value"`` inside texts: the value of a secret key goes."""

import re
from typing import Final

from pipeline.scrub.rules import REDACTED, is_secret_key, words

_FAMILY = re.compile(
    r"passw|pwd|passphrase|passcode|secret|token|jwt|api[ _-]?key|access[ _-]?key|private[ _-]?key"
    r"|signing[ _-]?key|encryption[ _-]?key|account[ _-]?key|credential|creds|authori[sz]ation"
    r"|auth|cookie|sess|sid|csrf|xsrf|(?<![a-z])(?:pin|otp|totp|pass|cvv|cvc|ssn)(?![a-z])"
    r"|card[ _-]?number|verification[ _-]?code|security[ _-]?code|signature",
    re.IGNORECASE,
)
_KEY_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_LINE_KEYS: Final = ("cookie", "authorization")
_STOP: Final = frozenset(" \t\r\n,;&\"'<>)}]|")
_MOST: Final = 4096
# Words of a sentence behind "password:" or "token:".
_PROSE: Final = words(
    "must is should cannot required not was has too and or does expired invalid missing "
    "incorrect reset for the a an in of to from no at unexpected none null true false "
    "undefined expected failed denied rejected mismatch unknown found provided given set"
)
_SCHEMES: Final = frozenset({"bearer", "basic", "token", "digest", "negotiate", "apikey"})
_QUOTES: Final = ('"', "'", '\\"', "\\'")


def clean_pairs(text: str) -> str:
    """Return the text with the values of secret keys redacted."""
    parts: list[str] = []
    kept = at = 0
    while (found := _FAMILY.search(text, at)) is not None:
        start, end = _key_around(text, found.start(), found.end())
        at = max(end, found.end())
        if not is_secret_key(text[start:end]):
            continue
        value = _value_behind(text, end, text[start:end].lower())
        if value is not None:
            parts += (text[kept : value[0]], REDACTED)
            kept = at = value[1]
    return "".join((*parts, text[kept:])) if parts else text


def _key_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the whole name around a family's word."""
    first, last = max(start - 40, 0), min(end + 40, len(text))
    while start > first and text[start - 1] in _KEY_CHARS:
        start -= 1
    while end < last and text[end] in _KEY_CHARS:
        end += 1
    return start, end


def _value_behind(text: str, at: int, key: str) -> tuple[int, int] | None:
    """Return where the value of a key stands, or None if none follows."""
    at = _skip_quote(text, at)
    spaced = _skip_blanks(text, at)
    sign = text[spaced : spaced + 2]
    if sign[:1] not in {"=", ":"} and sign != "%3":
        return None
    at = spaced + (2 if sign in {"=>", ":=", "=="} else 3 if sign == "%3" else 1)
    prose = sign[:1] == ":" and at < len(text) and text[at] == " "
    at = _skip_blanks(text, at)
    quote = next((q for q in reversed(_QUOTES) if text.startswith(q, at)), "")
    if quote:
        at += len(quote)
        end = text.find(quote, at, at + _MOST)
        return (at, end if end >= 0 else min(len(text), at + _MOST)) if end != at else None
    if key.endswith(_LINE_KEYS) and sign[:1] == ":":
        end = text.find("\n", at)
        return at, end if end >= 0 else len(text)
    end = _word_end(text, at)
    word = text[at:end]
    if end == at or word[0] in "[{(<" or (prose and _is_prose(key, word)):
        return None
    if word.lower() in _SCHEMES and text[end : end + 1] == " ":
        end = _word_end(text, end + 1)
    return at, end


def _word_end(text: str, at: int) -> int:
    """Return where a bare value ends."""
    end, last = at, min(len(text), at + _MOST)
    while end < last and text[end] not in _STOP:
        end += 1
    return end


def _is_prose(key: str, word: str) -> bool:
    """Tell a sentence (``token: unexpected end``) from a value behind a colon and a blank."""
    plain = word.rstrip(".!:")
    if plain.lower() in _PROSE:
        return True
    return "pass" not in key and "pwd" not in key and plain.isalpha() and plain.islower()


def _skip_quote(text: str, at: int) -> int:
    """Return the position behind a closing quote."""
    for quote in reversed(_QUOTES):
        if text.startswith(quote, at):
            return at + len(quote)
    return at


def _skip_blanks(text: str, at: int) -> int:
    """Return the position behind at most four blanks."""
    end = min(at + 4, len(text))
    while at < end and text[at] in " \t":
        at += 1
    return at
