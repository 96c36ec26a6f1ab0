"""``key=value`` and ``"key": "value"`` inside texts: the value of a secret key goes."""

import re
from collections.abc import Iterable
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Final

from pipeline.scrub.keys import REDACTED, is_secret_key, words
from pipeline.scrub.told import told_behind

# Lower case of the same length, which str.lower() does not promise beyond ASCII.
_ASCII_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_KEY_CHARS: Final = ascii_letters + digits + "_-."
_LINE_KEYS: Final = ("cookie", "authorization")
_MOST: Final = 4096
_WORD = re.compile(r"[^ \t\r\n,;&\"'<>)}\]|]{0,4096}")
# Words of a sentence behind "password:" or "token:".
_PROSE: Final = words(
    "must is should cannot required not was has too and or does expired invalid missing "
    "incorrect reset for the a an in of to from no at unexpected none null true false "
    "undefined expected failed denied rejected mismatch unknown found provided given set"
)
_SCHEMES: Final = frozenset(
    {"bearer", "basic", "token", "digest", "negotiate", "apikey", "!!binary"}
)
# Each level of JSON in JSON doubles the backslashes before a quote.
_QUOTE = re.compile(r"\\{0,16}[\"']|%2[27]")
# ``name="csrf" value="x"`` and ``"name": "csrf", "value": "x"``: the value stands apart.
_APART = re.compile(
    r"[ ,]{1,3}(?:\\{0,16}[\"'])?(?:value|content)(?:\\{0,16}[\"'])? ?[=:] ?(\\{0,16}[\"'])"
)
_PAIR = re.compile(r", ?(\\{0,16}[\"'])(?=[^\"'\\]{1,4096}\\{0,16}[\"'][\])])")
# What stands where the value was, or will be.
_BLANK = re.compile(r"[*\u2022]{2,64}$|\$?\{|%\(|\$\(")
_TAG = re.compile(r"<(?:\w{1,20}:)?$")
_CLOSING: Final = frozenset("])")
_SIGNS: Final = ("=>", ":=", "==", "=", ":", "%3D", "%3d", "%3A", ">")
_PREFIXES: Final = frozenset("ubrUBR")
_LITERALS: Final = frozenset({"null", "none", "nil", "undefined", "true", "false"})


def clean_pairs(text: str, words: Iterable[str]) -> str:
    """Return the text with the values of secret keys redacted; a key has one of the words."""
    parts: list[str] = []
    kept = 0
    for found, word_end in _places(text, words):
        if found < kept:
            continue
        start, end = name_around(text, found, word_end)
        if not is_secret_key(text[start:end]):
            continue
        value = _value_behind(text, start, end)
        if value is not None and value[0] >= kept:
            parts += (text[kept : value[0]], REDACTED)
            kept = value[1]
    return "".join((*parts, text[kept:])) if parts else text


def name_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the whole name around a word, with the word before it (``api key``)."""
    first = max(start - 40, 0)
    head = text[first:start].rstrip(_KEY_CHARS)
    start = first + len(head)
    tail = text[end : end + 40]
    end += len(tail) - len(tail.lstrip(_KEY_CHARS))
    if head.endswith(" "):
        before = first + len(head[:-1].rstrip(_KEY_CHARS))
        if before < start - 1 and not is_secret_key(text[start:end]):
            return before, end
    return start, end


def lowered(text: str) -> str:
    """Return a text in lower case, each letter where it was."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def _places(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Return where the words stand, in order."""
    lower = lowered(text)
    found = []
    for word in words:
        at = lower.find(word)
        while at >= 0:
            found.append((at, at + len(word)))
            at = lower.find(word, at + len(word))
    found.sort()
    return found


def _value_behind(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where the value of the key between start and end stands, or None."""
    key = text[start:end].lower()
    at = _skip_quote(text, end)
    if text[at : at + 1] in _CLOSING:  # x['token'] = 'y', and (token)=(y) of a database
        at += 1
    spaced = _skip_blanks(text, at)
    sign = next((s for s in _SIGNS if text.startswith(s, spaced)), "")
    if sign == ">" or not sign:
        return _without_sign(text, start, end, spaced if sign else -1)
    at = spaced + len(sign)
    prose = sign == ":" and text[at : at + 1] == " "
    at = _skip_blanks(text, at)
    if text[at : at + 1] in _PREFIXES and _QUOTE.match(text, at + 1):
        at += 1
    quote = _QUOTE.match(text, at)
    if quote:
        return _quoted(text, quote.end(), quote.group())
    if text[at : at + 1] == "(" and text[at - 2 : at] == ")=":
        return _quoted(text, at + 1, ")")
    if key.endswith(_LINE_KEYS) and sign == ":":
        close = text.find("\n", at)
        first = text[at : _word_end(text, at)].lower()
        return None if first in _PROSE else (at, close if close >= 0 else len(text))
    return _bare(text, at, key, prose=prose)


def _without_sign(text: str, start: int, end: int, close: int) -> tuple[int, int] | None:
    """Return where the value of an element, an attribute, an option or a sentence stands."""
    if text[start - 1 : start] in {"<", ":"} and _TAG.search(text, max(start - 22, 0), start):
        if close < 0 and text[end : end + 1] == " ":
            close = text.find(">", end, end + 200)
        until = text.find("<", close, close + _MOST) if close >= 0 else -1
        return (close + 1, until) if until > close + 1 else None
    if close >= 0:
        return None
    quote = _QUOTE.match(text, end)
    if quote:
        opened = text[start - len(quote.group()) - 1 : start]
        apart = _APART.match(text, quote.end())
        if apart is None and opened[:1] in {"[", "("}:
            apart = _PAIR.match(text, quote.end())
        return _quoted(text, apart.end(), apart[1]) if apart else None
    key = text[start:end].lower()
    if key.startswith("-") and text[end : end + 1] == " ":
        return _bare(text, end + 1, key, prose=not key.startswith("--"))
    return told_behind(text, end, key)


def _quoted(text: str, at: int, quote: str) -> tuple[int, int] | None:
    """Return where a value in quotes stands."""
    end = text.find(quote, at, at + _MOST)
    while len(quote) == 1 and end > at and text[end - 1] == "\\":
        end = text.find(quote, end + 1, at + _MOST)
    if end == at:
        return None
    return at, end if end >= 0 else min(len(text), at + _MOST)


def _bare(text: str, at: int, key: str, *, prose: bool) -> tuple[int, int] | None:
    """Return where a value without quotes stands."""
    end = _word_end(text, at)
    word = text[at:end]
    if end == at or word[0] in "[{(<" or word.lower() in _LITERALS:
        return None
    if _BLANK.match(word) or (prose and _is_prose(key, word)):
        return None
    if word.lower() in _SCHEMES and text[end : end + 1] == " ":
        end = _word_end(text, end + 1)
    return at, end


def _word_end(text: str, at: int) -> int:
    """Return where a bare value ends."""
    found = _WORD.match(text, at)
    return found.end() if found else at


def _is_prose(key: str, word: str) -> bool:
    """Tell a sentence (``token: unexpected end``) from a value behind a colon and a blank."""
    plain = word.rstrip(".!:")
    if plain.lower() in _PROSE or (key == "pass" and plain.isdigit() and len(plain) < 4):
        return True
    return "pass" not in key and "pwd" not in key and plain.isalpha() and plain.islower()


def _skip_quote(text: str, at: int) -> int:
    """Return the position behind a closing quote."""
    quote = _QUOTE.match(text, at)
    return quote.end() if quote else at


def _skip_blanks(text: str, at: int) -> int:
    """Return the position behind at most four blanks."""
    end = min(at + 4, len(text))
    while at < end and text[at] in " \t":
        at += 1
    return at
