"""Names of secrets: what stands under such a key goes, whatever its case and style."""

import re
from itertools import pairwise
from typing import Final

REDACTED: Final = "[REDACTED]"
_MOST_KEYS: Final = 10_000


def words(text: str) -> frozenset[str]:
    """Return the words of a table."""
    return frozenset(text.split())


_WORDS = re.compile(r"[A-Z]{1,40}(?![a-z])|[A-Z]?[a-z]{1,40}")
_SECRET_WORDS: Final = words(
    "password passwords passwd passwort passphrase passcode pwd pass secret secrets token "
    "jwt apikey credential credentials creds authorization auth cookie cookies session "
    "sessionid sid csrf xsrf pin otp totp cvv cvc ssn sig oauth storepass keypass requirepass"
)
_SECRET_PAIRS: Final = frozenset(
    (first, "key")
    for first in (
        *("api", "access", "private", "signing", "encryption", "account", "master", "ssh"),
        *("subscription", "functions", "client", "service", "app", "application", "hmac", "tls"),
        *("license", "storage", "shared", "secret", "auth", "deploy", "host", "webhook"),
        *("stripe", "sendgrid", "twilio", "openai", "anthropic", "mailgun", "datadog", "maps"),
    )
) | {
    *(
        ("security", "code"),
        ("verification", "code"),
        ("mfa", "code"),
        ("auth", "code"),
        ("time", "password"),
    ),
    *(("time", "code"), ("reset", "code"), ("sms", "code"), ("cc", "number")),
    *(("login", "code"), ("fa", "code"), ("factor", "code"), ("access", "code")),
    *(("confirmation", "code"), ("recovery", "code"), ("backup", "code"), ("otp", "code")),
    *(("card", "number"), ("credit", "card"), ("social", "security"), ("amz", "signature")),
    *(("access", "tokens"), ("refresh", "tokens"), ("auth", "tokens"), ("api", "tokens")),
}
# A counter, a date or a setting that merely has such a word in its name.
_HARMLESS_LAST: Final = words(
    "count length len size limit policy at on date time enabled disabled required expired "
    "expires expiry ttl type types name names url uri path age valid attempts status state "
    "version max min budget usage used total rate index hint field method mode scheme "
    "provider reset changed updated created duration timeout seconds ms position offset "
    "reason error errors failed failure present missing per left remaining class level "
    "strength domain host port"
)
_HARMLESS_FIRST: Final = words(
    "max min num n total has is should can requires missing invalid no input output prompt "
    "completion remaining"
)
_ENDINGS: Final = (
    *("password", "passwd", "passphrase", "secret", "apikey", "accesstoken", "authtoken"),
    *("secretkey", "privatekey", "accesskey", "sessionid", "sessid", "sessiontoken", "csrftoken"),
    *("refreshtoken", "usertoken", "bearertoken", "idtoken", "xsrftoken", "apitoken"),
)
# A name is no secret's without one of these words in it.
KEY_WORDS: Final = (
    *("pass", "pwd", "secret", "token", "jwt", "apikey", "key", "credential", "creds", "auth"),
    *("cookie", "sess", "sid", "csrf", "xsrf", "pin", "otp", "cvv", "cvc", "ssn", "sig"),
    *("card", "security", "code", "number"),
)
# The same for a matcher of bytes, which sees at once what stands before ``key`` and its like.
_PAIRED: Final = {
    second: "|".join(sorted(first for first, last in _SECRET_PAIRS if last == second))
    for second in sorted({last for _, last in _SECRET_PAIRS})
}
NAMES: Final = "|".join(
    (
        *(word for word in KEY_WORDS if word not in _PAIRED),
        *(f"(?:{firsts})[0-9 _.-]{{0,3}}{last}" for last, firsts in _PAIRED.items()),
    )
)
# Names of secrets that may be mere digits.
CODES: Final = rf"pin|otp|passcode|password|pwd|(?:{_PAIRED['code']})[0-9 _.-]{{0,3}}code"
_keys: dict[str, bool] = {}


def is_secret_key(key: str) -> bool:
    """Tell whether what stands under this name is a secret, whatever its case and style."""
    found = _keys.get(key)
    if found is None:
        if len(_keys) >= _MOST_KEYS:
            _keys.clear()
        found = _keys[key] = _is_secret(key[:200])
    return found


def _is_secret(key: str) -> bool:
    """Look at the words of a name."""
    parts = [word.lower() for word in _WORDS.findall(key)]
    if not parts or parts[-1] in _HARMLESS_LAST or parts[0] in _HARMLESS_FIRST:
        return False
    if any(word in _SECRET_WORDS for word in parts):
        return True
    if any(pair in _SECRET_PAIRS for pair in pairwise(parts)):
        return True
    return any(word.endswith(_ENDINGS) or word.startswith(("csrf", "xsrf")) for word in parts)
