"""One look over the raw bytes: which rules would find anything at all.

RE2's set matcher passes over an event once for all rules, in linear time. Most events leave no
trace and need no more; others are walked for what did leave one.
"""

import re
from typing import Final

import re2

from pipeline.scrub.keys import CODES, KEY_WORDS, NAMES, is_secret_key
from pipeline.scrub.pairs import name_around
from pipeline.scrub.rules import VALUES, Plan
from pipeline.scrub.told import CODE_TRACE, LOGIN_TRACE, QUOTED_TRACE, TRACE, told_behind

NOTHING: Final = Plan((), ())

_WORDS: Final = "|".join(KEY_WORDS)
_QUOTE: Final = r"(?:\\{0,16}[\"']|%2[27])"
_NAME: Final = rf"(?i:{NAMES})[\w.\-]{{0,40}}"
# A name with such a word gets a value, or is a name in a list of pairs, an element, an option.
_KEY_TRACE: Final = (
    rf"{_NAME}(?:{_QUOTE}?[\])]?[ \t]{{0,4}}(?:[=:>]|%3)|{_QUOTE}(?:[ \t]{{0,4}},[ \t]{{0,4}}"
    rf"[\"'\[{{\\]|[ ,]{{1,3}}{_QUOTE}?(?:value|content){_QUOTE}? ?[=:]))"
    rf"|-[\w-]{{0,40}}(?i:{NAMES})[\w-]{{0,40}}(?: |{_QUOTE},)"
    rf"|<(?:\w{{1,20}}:)?[\w.\-]{{0,40}}{_NAME} "
    rf"|(?:name|key){_QUOTE}[ \t]{{0,4}}:[ \t]{{0,4}}{_QUOTE}[\w.\-]{{0,40}}{_NAME}{_QUOTE}"
)
# A sentence names a secret and tells it.
_REST: Final = r"[\w.\-]{0,20}"
_TOLD_TRACE: Final = (
    rf"(?i:{NAMES}){_REST}{TRACE}|(?i:{CODES}){_REST}{CODE_TRACE}|(?i:pass){_REST}{QUOTED_TRACE}"
    rf"|{LOGIN_TRACE}"
)
# Letters that JSON writes as escapes, also in JSON inside a text.
_ESCAPED: Final = re.compile(rb"\\{1,8}u00([2-7][0-9a-fA-F])")
_BLANKS: Final = re.compile(rb"\\{1,16}[nrtfb]")
_MOST_WORDS: Final = 200
_BEHIND: Final = re.compile(
    r"[\w.\-]{0,60}(\\{0,16}[\"']|%2[27])?[\])]?[ \t]{0,4}"
    r"([=:>}]|%3|value|content|,[ \t]{0,4}(?=[\"'\[{\\v]))?",
    re.ASCII,
)


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


_KEY_TRACES: Final = (_KEY_TRACE, _TOLD_TRACE)
_SET: Final = _set_of((*_KEY_TRACES, *(rule.trace for rule in VALUES)))
_WORD: Final = re2.compile(f"(?i:{_WORDS})".encode(), _options())


def plan_of(raw: bytes) -> Plan:
    """Return what may be in a JSON text of this content."""
    if b"\\u00" in raw:
        raw = _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), raw)
    traces = _SET.Match(raw)
    if not traces:
        return NOTHING
    keys = _secret_words(_without_escapes(raw)) if min(traces) < len(_KEY_TRACES) else ()
    first = len(_KEY_TRACES)
    values = tuple(VALUES[trace - first] for trace in sorted(traces) if trace >= first)
    return Plan(keys, values) if keys or values else NOTHING


def _without_escapes(raw: bytes) -> bytes:
    r"""Return JSON whose ``\n`` and the like, in a text or in JSON in a text, join no names."""
    return _BLANKS.sub(b" ", raw) if b"\\" in raw else raw


def _secret_words(flat: bytes) -> tuple[str, ...]:
    """Return the words for which a secret key with them in its name gets a value."""
    found: dict[str, None] = {}
    text = flat.decode("latin-1")  # a letter a byte: names are ASCII
    for n, match in enumerate(_WORD.finditer(flat)):
        if n == _MOST_WORDS:
            return KEY_WORDS  # cheaper than to go on asking
        word = match.group().lower().decode()
        if word in found:
            continue
        start, end = name_around(text, *match.span())
        if is_secret_key(text[start:end]) and _gets_value(text, start, end, match.end()):
            found[word] = None
    return tuple(found)


def _gets_value(text: str, start: int, end: int, word_end: int) -> bool:
    """Tell whether a value may stand beside a name."""
    behind = _BEHIND.match(text, word_end)
    if behind is not None and behind[2] and (behind[1] or behind[2][0] != ","):
        return True
    return (
        text[start] in "-<"
        or text[start - 1 : start] in {"<", ":"}
        or told_behind(text, end, text[start:end]) is not None
    )
