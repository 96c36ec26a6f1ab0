"""One look over the raw bytes: which rules could find anything at all.

A few translations of the bytes and searches for literals, no regular expression over everything.
Where an escape could hide letters, every rule applies.
"""

from typing import Final, NamedTuple

from pipeline.scrub.rules import VALUES, Rule


class Plan(NamedTuple):
    """What a walk has to look for."""

    keys: bool
    values: tuple[Rule, ...]


EVERYTHING: Final = Plan(keys=True, values=VALUES)
NOTHING: Final = Plan(keys=False, values=())

_UPPER: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER: Final = b"abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = b"0123456789"
_TO_LOWER: Final = bytes.maketrans(_UPPER + _DIGITS, _LOWER + b"0" * 10)
_TO_CLASS: Final = bytes.maketrans(_UPPER + _DIGITS, b"A" * 26 + b"0" * 10)
_TO_HEX: Final = bytes.maketrans(b"0123456789abcdefABCDEF", b"0" * 22)
_GROUPS: Final = tuple(
    b":" + b"0" * a + b":" + b"0" * b + b":" for a in range(1, 5) for b in range(1, 5)
)

_KEYS: Final = (
    *(b"pass", b"pwd", b"secret", b"token", b"jwt", b"apikey", b"api_key", b"api-key", b"api key"),
    *(b"credential", b"creds", b"auth", b"cookie", b"sess", b'sid"', b"sid=", b"csrf", b"xsrf"),
    *(b'pin"', b"pin=", b"pin:", b"pin_", b"otp", b"cvv", b"cvc", b"ssn", b"key", b"signature"),
    *(b"card", b"security", b"code"),
)
_HIDING: Final = (b"\\u", b"\\/")
# Letters of a rule, in the lower-case text with digits as 0.
_LITERALS: Final = {
    "pem": (b"-----begin",),
    "jwt": (b"eyj",),
    "scheme": (b"bearer", b"basic", b"digest", b"token"),
    "email": (b"@",),
    "ssn": (b"000-00-0000",),
    "home": (b"/home/", b"/users/", b"\\users\\"),
    "vendor": tuple(
        letters.lower().encode().translate(_TO_LOWER)
        for rule in VALUES
        if rule.name == "vendor"
        for letters in rule.letters
    ),
}


def plan_of(raw: bytes) -> Plan:
    """Return what may be in a JSON text of this content."""
    if any(escape in raw for escape in _HIDING):
        return EVERYTHING
    lower = raw.translate(_TO_LOWER)
    keys = any(word in lower for word in _KEYS)
    values = tuple(rule for rule in VALUES if _may_hold(rule.name, raw, lower))
    return Plan(keys, values) if keys or values else NOTHING


def _may_hold(name: str, raw: bytes, lower: bytes) -> bool:
    """Tell whether a rule could find something."""
    literals = _LITERALS.get(name)
    if literals is not None:
        return any(word in lower for word in literals)
    if name == "url":
        return b"://" in lower and b"@" in lower
    if name == "ipv4":
        return b"0.0" in lower and any(_dotted(part) for part in lower.split(b"0.0")[1:])
    if name == "ipv6":
        hexed = raw.translate(_TO_HEX)
        return b"::" in raw or any(group in hexed for group in _GROUPS)
    plain = raw.translate(_TO_CLASS, b" -")
    return b"0" * 13 in plain if name == "card" else b"AA00" in plain


def _dotted(rest: bytes) -> bool:
    """Tell whether more numbers with dots follow a number with a dot."""
    return b"." in rest[:3]
