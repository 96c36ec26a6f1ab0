"""One look over the raw bytes: which rules would find anything at all.

RE2's set matcher passes over an event once for all rules, in linear time; only what leaves a trace
is asked, once, over everything. Most events need no more. Where an escape could hide letters,
every rule applies.
"""

import re
from typing import Final

import re2

from pipeline.scrub.rules import EVERYTHING, KEY_WORDS, VALUES, Plan, is_secret_key

NOTHING: Final = Plan((), ())

_WORDS: Final = "|".join(KEY_WORDS)
# A name with such a word gets a value, or is a name in a list of pairs.
_KEY_TRACE: Final = (
    rf"(?i:{_WORDS})[\w.\-]{{0,40}}(?:\\{{0,8}}[\"'][ \t]{{0,4}}[=:,]|[ \t]{{0,4}}(?:=|:|%3))"
)
_HIDING: Final = r"\\u|\\/"
_KEY_BYTES: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_MOST_WORDS: Final = 200
_BEHIND: Final = re.compile(rb"([\w.\-]{0,60})(\\{0,8}[\"'])?[ \t]{0,4}(=|:|%3|,)")


def _options() -> re2.Options:
    """Return options for bytes of any encoding."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    return options


def _set_of(patterns: tuple[str, ...]) -> re2.Set:
    """Return a matcher that tells which of the patterns are in a text."""
    found = re2.Set.SearchSet(_options())
    for pattern in patterns:
        found.Add(pattern)
    found.Compile()
    return found


_SET: Final = _set_of((_HIDING, _KEY_TRACE, *(rule.trace for rule in VALUES)))
_WORD: Final = re2.compile(f"(?i:{_WORDS})".encode(), _options())


def plan_of(raw: bytes) -> Plan:
    """Return what is in a JSON text of this content."""
    traces = _SET.Match(raw)
    if not traces:
        return NOTHING
    if 0 in traces:
        return EVERYTHING
    flat = _without_escapes(raw)
    keys = _secret_words(flat) if 1 in traces else ()
    suspects = [VALUES[trace - 2] for trace in sorted(traces) if trace > 1]
    text = flat.decode("utf-8", "replace") if suspects else ""
    values = tuple(rule for rule in suspects if rule.clean(text) != text)
    return Plan(keys, values) if keys or values else NOTHING


def _without_escapes(raw: bytes) -> bytes:
    r"""Return JSON whose ``\n`` and the like do not join what they part."""
    if b"\\" not in raw:
        return raw
    raw = raw.replace(b"\\\\", b"\\")
    for escape in (b"\\n", b"\\t", b"\\r", b"\\f", b"\\b"):
        raw = raw.replace(escape, b" ")
    return raw


def _secret_words(flat: bytes) -> tuple[str, ...]:
    """Return the words for which a secret key with them in its name gets a value."""
    found: dict[str, None] = {}
    for n, match in enumerate(_WORD.finditer(flat)):
        if n == _MOST_WORDS:
            return KEY_WORDS  # cheaper than to go on asking
        start, end = match.span()
        behind = _BEHIND.match(flat, end)
        if behind is None or (behind[3] == b"," and not behind[2]):
            continue
        word = flat[start:end].lower().decode()
        first = max(start - 40, 0)
        while start > first and flat[start - 1] in _KEY_BYTES:
            start -= 1
        if is_secret_key(flat[start : behind.end(1)].decode("ascii", "replace")):
            found[word] = None
    return tuple(found)
