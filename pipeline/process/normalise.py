"""A message without its values: tokens for the key, a template for people.

``tokens`` is a function of the text with each run of digits squashed to ``0``, so that the cache,
which is keyed by the squashed text, changes nothing.
"""

import re
from typing import Final

from pipeline.model.group import WILDCARD
from pipeline.process.patterns import (
    ADDRESS,
    CALENDAR,
    DIGITS,
    ERROR_ENDINGS,
    HEX,
    HOST_ENDINGS,
    NAMES,
    PLACEHOLDER,
    QUERY,
    SEPARATORS,
    SINGLE,
    STRIPPED,
    UNITS,
    URL,
    WHOLE,
)

MOST_TOKENS: Final = 64
MOST_LETTERS: Final = 8192
MOST_SHOWN: Final = 2048
_SPACES = str.maketrans(dict.fromkeys(SEPARATORS, " "))
_DROP: Final = ""
_masks: dict[str, str] = {}
_texts: dict[str, tuple[str, ...]] = {}


def squash(text: str) -> str:
    """Return the text with each run of digits as one 0, and each placeholder like one."""
    short = text[:MOST_LETTERS]
    if "<" in short or "[" in short:
        short = PLACEHOLDER.sub("Z0", short)
    return DIGITS.sub("0", short)


def tokens(text: str) -> tuple[str, ...]:
    """Return the constant words of a message, and a wildcard for each run of values."""
    squashed = squash(text)
    found = _texts.get(squashed)
    if found is None:
        if len(_texts) >= 100_000:
            _texts.clear()
        found = _texts[squashed] = _tokens(squashed)
    return found


def render(found: tuple[str, ...]) -> str:
    """Return tokens as a text that has the same tokens."""
    return " ".join("<any>" if token == WILDCARD else token for token in found)


def template(text: str) -> str:
    """Return the text with its values replaced by what they are, ``<uuid>`` or ``<num>ms``."""
    return _PARTS.sub(_typed, text[:MOST_SHOWN])


def mask(token: str) -> str:
    """Return a token without digits runs as a wildcard, itself, or nothing."""
    found = _masks.get(token)
    if found is None:
        if len(_masks) >= 200_000:
            _masks.clear()
        found = _masks[token] = _mask(token)
    return found


def _tokens(squashed: str) -> tuple[str, ...]:
    """Split a squashed text and mask its tokens."""
    if "://" in squashed:
        squashed = URL.sub("0", squashed)
    if squashed.count(":") >= 3:
        squashed = ADDRESS.sub("0", squashed)
    if "?" in squashed and "/" in squashed:
        squashed = QUERY.sub("0", squashed)
    found: list[str] = []
    after_value = False
    for word in squashed.translate(_SPACES).split():
        masked = mask(word)
        if masked == WILDCARD:
            if not after_value:
                found.append(WILDCARD)
            after_value = True
        elif masked and not (after_value and masked.lower() in UNITS):
            found.append(masked)
            after_value = False
        if len(found) == MOST_TOKENS:
            break
    return tuple(found)


def _mask(token: str) -> str:
    """Decide what a token is; digits come as one 0 a run."""
    word = token.strip(STRIPPED)
    if "0" in token or any(char.isdigit() for char in token):
        return NAMES.get(word.lower(), WILDCARD)
    if not word:
        return _DROP
    if _is_path(word) or _is_path(token) or ("@" in word and "." in word):
        return WILDCARD
    if _is_host(word) or word in CALENDAR:
        return WILDCARD
    if len(word) >= 8 and HEX.fullmatch(word):
        return WILDCARD
    return word


def _is_path(word: str) -> bool:
    """Tell a path from ``and/or``."""
    return word.startswith("/") or word.count("/") >= 2 or word.count("\\") >= 2


def _is_host(word: str) -> bool:
    """Tell host names and dotted names from words and from types of exceptions."""
    if word.endswith(ERROR_ENDINGS):
        return False
    dots = word.count(".")
    return dots >= 2 or (dots == 1 and word[word.find(".") + 1 :].lower() in HOST_ENDINGS)


_PARTS = re.compile(
    "|".join(
        (
            *(f"(?P<w{i}>{shape.pattern})" for i, shape in enumerate(WHOLE)),
            rf"(?:{PLACEHOLDER.pattern}|[^\s{re.escape(SEPARATORS)}])+",
        )
    )
)
_SINGLE: Final = tuple((shape.kind, re.compile(shape.pattern)) for shape in SINGLE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _typed(found: re.Match[str]) -> str:
    """Return what a part of a text is called in its template."""
    group = found.lastgroup
    token = found.group()
    if group is not None:
        return f"<{WHOLE[int(group[1:])].kind}>"
    if "<" in token or "[" in token:
        return token  # a placeholder: no other token has a bracket
    if mask(DIGITS.sub("0", token)) != WILDCARD:
        return token
    head = token[: len(token) - len(token.lstrip(STRIPPED))]
    tail = token[len(token.rstrip(STRIPPED)) :] if len(head) < len(token) else ""
    return head + _name(token[len(head) : len(token) - len(tail)]) + tail


def _name(word: str) -> str:
    """Return the typed name of a value."""
    for kind, pattern in _SINGLE:
        if pattern.fullmatch(word):
            return f"<{kind}>"
    if _NUMBER.search(word):
        return _NUMBER.sub("<num>", word)
    return "<date>" if word in CALENDAR else "<host>"
