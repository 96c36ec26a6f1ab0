"""What a secret looks like, wherever it stands.

Each rule says by which letters it may be found at all, so that most texts are passed at a glance.
Every quantifier is bounded and every search starts at a literal or behind a look-behind.
"""

import re
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Final, NamedTuple

from pipeline.scrub.keys import KEY_WORDS, words
from pipeline.scrub.numbers import CARD_GROUPS, NEW_LINE, clean_cards, clean_ibans
from pipeline.scrub.told import TRACES, clean_told


class Rule(NamedTuple):
    """A kind of value.

    ``trace`` is what it cannot be without, as RE2 finds it in the bytes of a whole event,
    ``letters`` what a text cannot be without, and ``clean`` removes it from one.
    """

    name: str
    trace: str
    letters: tuple[str, ...]
    clean: Callable[[str], str]


class Plan(NamedTuple):
    """What a walk has to look for: words of secret keys, and rules for values."""

    keys: tuple[str, ...]
    values: tuple[Rule, ...]


_PEM_BODY = re.compile(r"[\w+/=\s\\:,.-]{0,65536}")


def _pem(text: str) -> str:
    """Remove private keys, also one that was cut short."""
    parts, at = [], 0
    while (start := text.find("-----BEGIN ", at)) >= 0:
        head = text.find("-----", start + 11, start + 80)
        if head < 0 or "PRIVATE" not in text[start:head]:
            parts.append(text[at : start + 11])
            at = start + 11
            continue
        parts.append(text[at:start] + "[private key]")
        end = text.find("-----END ", head)
        close = text.find("-----", end + 9) if end >= 0 else -1
        body = _PEM_BODY.match(text, head + 5)
        at = close + 5 if close >= 0 or body is None else body.end()
    return "".join((*parts, text[at:])) if parts else text


_JWT = re.compile(
    rf"(?:(?<![\w-])|{NEW_LINE})" + r"eyJ[\w-]{5,4096}\.[\w-]{5,8192}(?:\.[\w-]{0,4096}){0,4}"
)
_SCHEME = re.compile(
    rf"(?:\b|{NEW_LINE})" + r"(bearer|basic|digest|token)([ :,]{1,3})([\w.~+/=-]{8,4096})",
    re.IGNORECASE,
)
_URL_USER = re.compile(
    r"://(?:[^\s/\"'<>]{0,256}@|[^\s/:@\"'<>]{0,64}:(?!\d{1,5}/)[^\s@\"'<>]{1,128}@)"
)
_DSN_USER = re.compile(r"([\w.%-]{1,64}):[^\s/@\"'<>]{1,200}@(?=(?:tcp|unix|udp)\()")
_EMAIL = re.compile(
    r"(?<![\w.%+-])[\w.+%-]{1,256}?(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){0,6}\.([A-Za-z]{2,24})(?![\w-])"
)
_FILES: Final = words("js mjs cjs jsx ts tsx java go rb php kt vue html json yaml")
_VENDOR = re.compile(
    rf"(?:(?<![A-Za-z0-9])|{NEW_LINE})(?:"
    r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|[srp]k_(?:live|test)_|whsec_|npm_|"
    r"pypi-|dop_v1_|hf_|shpat_|shpss_)[A-Za-z0-9_-]{10,255}"
    r"|AIza[\w-]{30,40}|SG\.[\w-]{16,64}\.[\w-]{16,64}|sk-(?=[\w-]{0,199}\d)[\w-]{20,200}"
    r"|ya29\.[\w-]{20,255}|hv[sbr]\.[\w-]{20,255}|ATATT3[\w=-]{20,255}|GOCSPX-[\w-]{20,60}"
    r"|E[ZT][AT]K[A-Za-z0-9]{16,80}|AGE-SECRET-KEY-1[A-Z0-9]{20,80}|NRAK-[A-Z0-9]{16,60}"
    r"|gl(?:sa_|c_|ptt-|rt-|dt-|ft-)[\w-]{16,255}|sntry[su]_[\w.=+/-]{16,512}|PMAK-[\w-]{16,80}"
    r"|(?:dckr_pat|lin_api|sbp|pscale_tkn|figd|rubygems|ntn)_[\w-]{16,255}|dapi[0-9a-f]{32}"
    r"|(?:bot)?\d{8,10}:AA[\w-]{30,40}|1//0[\w-]{30,255}|sq0[a-z]{3}-[\w-]{20,60}"
    r")"
)
# Hashes of passwords as crypt and its successors write them.
_HASH = re.compile(r"\$(?:2[abxy]|1|5|6|y|argon2id?|scrypt|pbkdf2[\w-]{0,12})\$[\w$./+=,-]{16,256}")
_HOOK = re.compile(
    r"(hooks\.slack\.com/(?:services|workflows|triggers)/|\.(?:com|net)/(?:api/)?webhooks?[\w]{0,4}/)"
    r"[\w/@-]{8,200}"
)
_CURL_USER = re.compile(r"(?<= )(-u|--user)([ =])([^\s:]{1,64}):[^\s:@]{1,200}")
# Options of programs that take a password, whose own names do not say so.
_ARGUMENTS: Final = r"(?: [^\s|;&]{1,60}){0,6}? "
_OPTION = re.compile(
    r"\b((?:sshpass|redis-cli|openssl|(?:docker|podman|helm) (?:registry )?login|ldap[a-z]{2,8}"
    rf"|(?:mysql|mariadb)[\w-]{{0,12}}(?={_ARGUMENTS}-p[^\s-])){_ARGUMENTS}-[pakw] ?['\"]?)"
    r"([^\s'\"-][^\s'\"]{0,100})"
)
_IDENTIFIED = re.compile(
    r"(\bidentified (?:with [\w'\"]{1,40} )?(?:by|as) ['\"])[^'\"\s]{1,200}", re.IGNORECASE
)
_SSN = re.compile(rf"(?:(?<![\w-])|{NEW_LINE})" + r"\d{3}-\d{2}-\d{4}(?![\w-])")
_IPV4 = re.compile(
    rf"(?:(?<![\w.-])(?<![^/\s]/)(?<![Vv]ersion )(?<![Ss]ection )(?<![Rr]elease )"
    rf"|{NEW_LINE})"
    r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)"
    r"(?![\w-]|\.\d)"
)
_IPV6 = re.compile(
    rf"(?:(?<![\w:.])|{NEW_LINE})"
    r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,40}(?:\.\d{1,3}){0,3}(?![\w.])"
)
_HOME = re.compile(
    r"((?:/home/|/Users/|\\Users\\{1,8}))([^/\\\s\"':,;)]{1,64})(?=[/\\]|[\"':,;)]|\s|$)"
)
_SHARED_HOMES: Final = words(
    "app ubuntu ec2-user runner node www-data site deploy user root Shared Public [user]"
)


def _scheme(text: str) -> str:
    """Remove what follows Bearer, Basic and their kin, unless it is a plain word."""

    def replace(found: re.Match[str]) -> str:
        """Return the scheme without its credentials."""
        value = found.group(3)
        plain = value.isalpha() and (value.islower() or value.istitle() or value.isupper())
        if plain and len(value) < 24:
            return found.group()
        return f"{found.group(1)}{found.group(2)}[token]"

    return _SCHEME.sub(replace, text)


def _url_user(text: str) -> str:
    """Remove the password from URLs, and a user part that is long enough to be a token."""

    def replace(found: re.Match[str]) -> str:
        """Return the authority without its password."""
        user, colon, password = found.group()[3:-1].partition(":")
        if colon and password:
            return f"://{user}:[password]@"
        return "://[token]@" if len(user) >= 16 else found.group()

    return _DSN_USER.sub(r"\1:[password]@", _URL_USER.sub(replace, text))


def _email(text: str) -> str:
    """Remove mail addresses, but not ``function@file.js`` and ``git@host:path``."""

    def replace(found: re.Match[str]) -> str:
        """Return what is no address of a person."""
        kept = found.group(1).lower() in _FILES or found.group().startswith("git@")
        return found.group() if kept else "[email]"

    return _EMAIL.sub(replace, text)


def _vendor(text: str) -> str:
    """Remove keys and tokens that tell their maker."""
    text = _HOOK.sub(r"\1[token]", _VENDOR.sub("[token]", text))
    return _HASH.sub("[hash]", text) if "$" in text else text


def _command(text: str) -> str:
    """Remove passwords from the lines of commands and from SQL."""
    text = _CURL_USER.sub(r"\1\2\3:[password]", text)
    return _IDENTIFIED.sub(r"\1[password]", _OPTION.sub(r"\1[password]", text))


def _ipv4(text: str) -> str:
    """Remove addresses, but not those that name no machine."""
    return _IPV4.sub(
        lambda found: found.group() if found.group() in {"127.0.0.1", "0.0.0.0"} else "[ip]",  # noqa: S104  compared, not bound
        text,
    )


def _ipv6(text: str) -> str:
    """Remove addresses that are valid and have a digit (``Fee::add`` has none)."""

    def replace(found: re.Match[str]) -> str:
        """Return what is no address."""
        word = found.group().rstrip(":") if not found.group().endswith("::") else found.group()
        if word.count(":") < 2 or word in {"::1", "::"} or not any(c.isdigit() for c in word):
            return found.group()
        try:
            IPv6Address(word)
        except ValueError:
            return found.group()
        return "[ip]" + found.group()[len(word) :]

    return _IPV6.sub(replace, text)


def _home(text: str) -> str:
    """Remove the names of people from their home folders."""
    return _HOME.sub(
        lambda found: (
            found.group(1) + (found.group(2) if found.group(2) in _SHARED_HOMES else "[user]")
        ),
        text,
    )


# Before and behind a value in the bytes of an event: RE2 knows no look-around.
_NL: Final = r"\\[nrtfb]"  # a line end as JSON writes it
_B: Final = rf"(?:^|[^\w.-]|{_NL})"
_E: Final = r"(?:[^\w-]|$)"
PEM: Final = Rule("pem", "-----BEGIN", ("-----BEGIN",), _pem)
VALUES: Final = (
    PEM,
    Rule("jwt", r"eyJ[\w-]{5}", ("eyJ",), lambda text: _JWT.sub("[jwt]", text)),
    Rule(
        "url",
        r":\\{0,8}/\\{0,8}/[^\s/\"'<>]{0,64}[^\s\"'<>]{0,192}@|@(?:tcp|unix|udp)\(",
        ("://", "@tcp(", "@unix(", "@udp("),
        _url_user,
    ),
    Rule(
        "vendor",
        r"A(?:KIA|SIA|ROA|IDA|BIA|CCA)[A-Z0-9]{16}|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-"
        r"|k_(?:live|test)_|whsec_|npm_|pypi-|dop_v1_|hf_|shpat_|shpss_|AIza|SG\.\w|sk-[\w-]{20}|ya29\."
        r"|hooks\.slack|/webhooks?/|hv[sbr]\.|ATATT3|GOCSPX-|E[ZT][AT]K|AGE-SECRET-KEY|NRAK-"
        r"|gl(?:sa_|c_|ptt-|rt-|dt-|ft-)|sntry[su]_|PMAK-|(?:dckr_pat|lin_api|sbp|pscale_tkn)_"
        r"|(?:figd|rubygems|ntn)_|dapi[0-9a-f]{32}|:AA[\w-]{30}|1//0[\w-]{30}|sq0[a-z]{3}-"
        r"|\$(?:2[abxy]|1|5|6|y|argon2id?|scrypt|pbkdf2[\w-]{0,12})\$",
        (
            *("AKIA", "ASIA", "AROA", "AIDA", "ABIA", "ACCA", "ghp_", "gho_", "ghu_", "ghs_"),
            *("ghr_", "github_pat_", "glpat-", "xox", "xapp-", "k_live_", "k_test_", "whsec_"),
            *("npm_", "pypi-", "dop_v1_", "hf_", "shpat_", "shpss_", "AIza", "SG.", "sk-", "ya29."),
            *("hooks.slack.com", "/webhook", "hvs.", "hvb.", "hvr.", "ATATT3", "GOCSPX-", "EZAK"),
            *("EZTK", "ETAK", "EAAK", "AGE-SECRET", "NRAK-", "glsa_", "glc_", "glptt-", "glrt-"),
            *("gldt-", "glft-", "sntry", "PMAK-", "dckr_pat", "lin_api", "sbp_", "pscale_tkn"),
            *("figd_", "rubygems_", "ntn_", "dapi", ":AA", "1//0", "sq0", "$2", "$1$", "$5$"),
            *("$6$", "$y$", "$argon2", "$scrypt", "$pbkdf2"),
        ),
        _vendor,
    ),
    Rule(
        "scheme",
        r"(?i:bearer|basic|digest|token)[ :,]{1,3}[\w.~+/=-]{8}",
        ("earer", "EARER", "asic", "ASIC", "igest", "IGEST", "oken", "OKEN"),
        _scheme,
    ),
    Rule(
        "user",
        r" (?:-u|--user)[ =][^\s:]{1,64}:|(?i:identified )"
        r"|(?:sshpass|redis-cli|openssl|login|ldap[a-z]{2,8}|(?:mysql|mariadb)[\w-]{0,12})"
        r"(?: [^\s|;&]{1,60}){0,6} -[pakw]",
        (" -", "dentified", "DENTIFIED"),
        _command,
    ),
    Rule("told", TRACES, (" is ", " as ", " with ", " using ", " via ", " by "), clean_told),
    Rule(
        "email",
        r"(?:@|%40)[\w\\\x80-\xff-]{1,63}(?:\.[\w\\\x80-\xff-]{1,63}){0,6}\.[A-Za-z]{2}",
        ("@", "%40"),
        _email,
    ),
    Rule("ssn", _B + r"\d{3}-\d{2}-\d{4}" + _E, ("-",), lambda text: _SSN.sub("[ssn]", text)),
    Rule("card", _B + CARD_GROUPS + _E, (), clean_cards),
    Rule(
        "iban", rf"(?:^|[^A-Za-z0-9]|{_NL})" + r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2}", (), clean_ibans
    ),
    Rule("ipv4", rf"(?:^|[^\w./-]|\W/|{_NL})" + r"\d{1,3}(?:\.\d{1,3}){3}" + _E, (".",), _ipv4),
    Rule("ipv6", r"[0-9A-Fa-f]::|::[0-9A-Fa-f]|:(?:[0-9A-Fa-f]{1,4}:){6}", (":",), _ipv6),
    Rule(
        "home",
        r"(?:/home\\{0,8}/|/Users\\{0,8}/|\\Users\\{1,8})[^/\\\s\"':,;)]",
        ("/home/", "Users"),
        _home,
    ),
)
EVERYTHING: Final = Plan(KEY_WORDS, VALUES)
