"""Secrets that a sentence tells: ``your code is 4711``, ``Incorrect API key 'x'``.

No sign stands between name and value, so the value itself must look like a secret.
"""

import re
from typing import Final

from pipeline.scrub.keys import REDACTED, is_secret_key, words

# What may stand between a name and its value, as few words as a sentence needs.
_BETWEEN: Final = (
    r"(?: (?:is|was|are|value|provided|given|set|to|equals|used|entered|key|code|number|string|sent"
    r"|received|now)){0,4}(?::|(?: (?:for|of) [\w-]{1,30}(?: [\w-]{1,30})?:))?"
)
_TOLD = re.compile(
    _BETWEEN + r" {1,2}(?P<quote>\\{0,16}[\"'`(\[<]|%2[27])?"
    r"(?P<value>\d{3}[ -]\d{3}(?![\w-])|[^\s\"'`,;<>()\[\]{}\\]{1,200})"
)
_BEFORE = re.compile(
    r"(?<![\w.~+/=-])([\w.~+/=-]{4,128}) (?:is|as) (?:the|your|my|our|an?) "
    r"((?:[\w-]{1,20} ){0,3}"
    r"(?:code|key|token|password|passcode|passphrase|pin|otp|secret|PIN|OTP))\b"
)
# ``credentials (joan / x)``, ``login with key 'x'``
_LOGIN = re.compile(r":? ?[(\[]?[\w.@+-]{1,64} ?[/:,] ?(?P<value>[^\s)\]\"']{4,200})(?P<quote>)")
_WITH = re.compile(
    r"\b((?:authenticate|authenticated|authorize|authorized|log in|logged in|login|signed in) "
    r"(?:with|using|via|by) (?:(?:the|your|my|api|key|token|code|secret) ){0,3}(?:\\{0,16}[\"'`])?)"
    r"([\w.~+/=-]{8,200})",
    re.IGNORECASE,
)
_CODES: Final = ("code", "pin", "otp", "passcode", "password", "pwd", "totp")
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}:\d\d")
# An address, a part of a system and its number, or a version.
_NUMBERED = re.compile(
    r"0x[0-9a-fA-F]{1,16}|[A-Za-z]{2,20}[-_.]?\d{1,3}|v?\d{1,4}(?:\.\d{1,4}){1,3}[a-z]?"
)
_TECHNICAL: Final = words(
    "sha256 sha512 sha384 hs256 hs384 hs512 rs256 rs512 es256 es384 ps256 base64 base64url oauth2 "
    "aes-256-gcm aes-128-cbc aes256 aes128 scram-sha-256 scram-sha-512 argon2id ed25519 x25519 "
    "pbkdf2 utf-8 utf8 http2"
)
# As bytes of an event show it: a digit beside another sign, digits of a code, signs in quotes.
_OTHER: Final = r"[^\s\d\"'`,;<>()\\]"
_OPEN: Final = r"(?:\\{0,16}[\"'`(\[<]|%2[27])"
TRACE: Final = (
    rf"{_BETWEEN} {{1,2}}{_OPEN}?[^\s\"'`,;<>()\\]{{0,30}}(?:[0-9]{_OTHER}|{_OTHER}[0-9])"
)
CODE_TRACE: Final = rf"{_BETWEEN} {{1,2}}{_OPEN}?[0-9]{{3}}"
QUOTED_TRACE: Final = rf"{_BETWEEN} {{1,2}}{_OPEN}[^\s\"'`,;<>()]{{1,40}}[^\w\s\"']"
LOGIN_TRACE: Final = r"(?i:creds?|credentials?):? ?[(\[][\w.@+-]{1,64} ?[/:,]"
TRACES: Final = (
    r"[\w.~+/=-]{4} (?:is|as) (?:the|your|my|our|an?) (?:[\w-]{1,20} ){0,3}[ckpotsPO]"
    r"|(?i:authenticated?|authorized?|log in|logged in|login|signed in) (?i:with|using|via|by) "
)


def told_behind(text: str, end: int, key: str) -> tuple[int, int] | None:
    """Return where the value stands that a sentence tells behind the name of a secret."""
    found = _TOLD.match(text, end)
    if found is None or (key.lower().endswith(("credentials", "creds")) and "(" in found.group()):
        found = _LOGIN.match(text, end)
    if found is None:
        return None
    value = found["value"].rstrip(".:!?")
    if not _looks_secret(key.lower(), value, quoted=found["quote"] is not None):
        return None
    return found.start("value"), found.start("value") + len(value)


def clean_told(text: str) -> str:
    """Remove secrets that stand before their name, ``4711 is your code``, or without one."""

    def before(found: re.Match[str]) -> str:
        """Return a sentence without its secret."""
        value, name = found.groups()
        if not is_secret_key(name) or not _looks_secret(name.lower(), value, quoted=False):
            return found.group()
        return REDACTED + found.group()[len(value) :]

    def login(found: re.Match[str]) -> str:
        """Return a sentence without what somebody logged in with."""
        known = _looks_secret("", found.group(2), quoted=False)
        return found.group(1) + REDACTED if known else found.group()

    return _WITH.sub(login, _BEFORE.sub(before, text))


def _looks_secret(key: str, value: str, *, quoted: bool) -> bool:
    """Tell a secret from a word, a number, a date, a path, a version."""
    digits = sum(char.isdigit() for char in value)
    if not digits:
        signs = sum(not char.isalnum() for char in value)
        return quoted and "pass" in key and bool(signs) and len(value) >= 6
    if value.lower() in _TECHNICAL or _DATE.match(value):
        return False
    if value.replace("-", "").replace(" ", "").isdigit():
        return key.endswith(_CODES) and 4 <= digits <= 8
    if value[0] in "/." or "://" in value or "=" in value.rstrip("="):
        return False
    if "pass" in key or "pwd" in key:
        return len(value) >= 4
    return len(value) >= 5 and _NUMBERED.fullmatch(value) is None
