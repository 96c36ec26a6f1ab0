"""What counts as a value in a message, as tables of words and patterns.

The key knows one wildcard for all of them; the names are for the template that people read.
"""

import re
from typing import Final, NamedTuple

from pipeline.process.values import words

# What stands between tokens, beside white space.
SEPARATORS: Final = "=:,;()[]{}\"'|<>`!?"
STRIPPED: Final = ".-*#~&%^+_$\\"

HOST_ENDINGS: Final = words("com net org io edu gov cn hk local internal lan dev de uk ru jp fr")
ERROR_ENDINGS: Final = (
    *("Error", "Exception", "Failure", "Fault", "Warning", "Timeout", "Interrupt", "Abort", "Exit"),
)
CALENDAR: Final = words(
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun Monday "
    "Tuesday Wednesday Thursday Friday Saturday Sunday UTC GMT EST EDT PST PDT CST CDT MST "
    "MDT CET CEST BST"
)
UNITS: Final = words(
    "b kb mb gb tb kib mib gib tib k byte bytes bits ns us ms s sec secs second seconds "
    "second(s) min mins minute minutes minute(s) hour hours hour(s) day days day(s) px pct "
    "times am pm"
)
# Names with a number that is no value, as they are squashed.
NAMES: Final = {"utf-0": "utf", "utf0": "utf"}

KINDS: Final = (
    *(
        "any",
        "uuid",
        "timestamp",
        "date",
        "url",
        "email",
        "ip",
        "mac",
        "path",
        "host",
        "hex",
        "num",
    ),
)
# What scrubbing and clients leave in place of a value.
MARKS: Final = (
    *("REDACTED", "Filtered", "email", "ip", "card", "ssn", "iban", "jwt", "private key"),
    *("token", "user", "password", "nested too deeply"),
)
PLACEHOLDER: Final = re.compile(rf"<(?:{'|'.join(KINDS)})>|\[(?:{'|'.join(MARKS)})\]")

# A value begins where a token does, and not at the end of a placeholder.
_START: Final = r"(?<![^\s=:,;()\[{}\"'|<`!?])"
_APART: Final = _START + r"(?<!:)"
_END: Final = r"(?=\.?(?:[\s=,;()\]{}\"'|>`!?]|$))"
_WITHIN: Final = rf"(?:{PLACEHOLDER.pattern}|[^\s\"'<>()\[\]{{}}|`,;])"

DIGITS: Final = re.compile(r"\d+")
# A run of digits is one letter here: the key sees each as a single 0.
ADDRESS: Final = re.compile(
    _START + r"(?:(?:[A-Fa-f]|\d++){0,4}+:){3,7}+(?:[A-Fa-f]|\d++){0,4}+"
    r"(?:%\w{1,16})?(?:/\d{1,3})?(?![\w<\[])"
)
URL: Final = re.compile(rf"{_START}[A-Za-z][A-Za-z0-9+.\-]{{1,15}}://{_WITHIN}{{1,2048}}")
QUERY: Final = re.compile(
    _START + r"[^\s/=:,;()\[\]{}\"'|<>`!?]{0,200}/[^\s=:,;()\[\]{}\"'|<>`!?]{0,400}\?"
    rf"{_WITHIN}{{1,2048}}"
)
HEX: Final = re.compile(r"[0-9]*(?:[a-f]{8,}|[A-F]{8,})[0-9]*")


class Shape(NamedTuple):
    """What a value that the key hides is called in a template, with examples."""

    kind: str
    pattern: str
    examples: tuple[str, ...]


# Tried in this order at each place of a text, the longest kinds first.
WHOLE: Final = (
    Shape("url", URL.pattern, ("https://shop.example.com/cart?id=7", "redis://cache:6379/0")),
    Shape("path", QUERY.pattern, ("/cart?id=7", "api/v2/items?page=2&size=5")),
    Shape(
        "timestamp",
        _APART + r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
        r"(?:Z|[+-]\d{2}:?\d{2})?" + _END,
        ("2024-05-01T10:11:12", "2024-02-20T22:16:36Z", "2023-11-01 00:00:01,123"),
    ),
    Shape("num", _APART + r"(?<!,)\d{1,3}(?:,\d{3}){1,6}(?!,)" + _END, ("4,150,908",)),
    Shape(
        "mac",
        _APART + r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}" + _END,
        ("5c:50:15:4c:18:1c",),
    ),
    Shape("ip", ADDRESS.pattern, ("2001:db8:0:0:0:0:0:1", "fe80:0:0:0:1::2%eth0")),
    Shape(
        "timestamp",
        _APART + r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?" + _END,
        ("10:11:12.5",),
    ),
)
# Tried on one token, in full.
SINGLE: Final = (
    Shape(
        "uuid",
        r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        ("123e4567-e89b-12d3-a456-426614174000",),
    ),
    Shape("date", r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}/\d{1,2}/\d{2,4}", ("2024-05-01",)),
    Shape("ip", r"(?:\d{1,3}\.){3}\d{1,3}", ("10.0.3.17",)),
    Shape("email", r"[^@]{1,255}@[^@]{1,255}\.[^@]{1,63}", ("bethany@hb.io",)),
    Shape("path", r"[./~]?/.*|[^/]*/.*/.*|.*\\.*\\.*", ("/var/lib/app/a.dat", "src/lib/x.py")),
    Shape(
        "hex",
        r"0x[0-9a-fA-F]+|(?=.*\d)(?=.*[a-fA-F])[0-9a-f]{7,}|[0-9a-f]{8,}|[0-9A-F]{8,}",
        ("0x7f3a2c1d9e50", "a93c7d2", "deadbeef"),
    ),
)
