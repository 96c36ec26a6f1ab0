"""Who may send: every way in which clients present their key, and what it is worth."""

import hmac
from collections.abc import Iterable, Mapping

from pipeline.gateway.exchange import HttpRequest, Refused

_HOW = "send it as X-Sentry-Auth, sentry_key, DSN, Authorization: Bearer or X-Api-Key"


def presented(request: HttpRequest) -> list[str]:
    """Return all keys that headers and query present."""
    keys = [value for name, value in request.query if name == "sentry_key"]
    for name, value in request.headers:
        if name == "x-api-key":
            keys.append(value.strip())
        elif name in {"x-sentry-auth", "authorization"}:
            keys.extend(_from_header(value))
    return keys


def _from_header(value: str) -> Iterable[str]:
    """Return the key in ``Bearer K`` or ``Sentry sentry_key=K, …``; other schemes are not ours."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() == "bearer":
        return [rest.strip()]
    if scheme.lower() != "sentry":
        return []
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return [key.strip() for name, _, key in pairs if name.strip() == "sentry_key"]


def key_of_dsn(dsn: object) -> list[str]:
    """Return the key of ``https://KEY@host/project``, as the header of a tunnelled envelope."""
    if not isinstance(dsn, str):
        return []
    credentials, at, _ = dsn.partition("://")[2].rpartition("@")
    # Old SDKs still write KEY:SECRET; the secret has had no meaning for years.
    return [credentials.partition(":")[0]] if at else []


def project_of(keys: Mapping[str, str], given: Iterable[str]) -> str:
    """Return the project of the one key that was given; raises Refused 403."""
    distinct = set(given)
    if not distinct:
        raise Refused(403, f"no ingestion key: {_HOW}")
    if len(distinct) > 1:
        raise Refused(403, "several ingestion keys that disagree: send one")
    key = distinct.pop().encode()
    project = ""
    # Every key is compared, in constant time: how long it takes tells nothing about them.
    for known, name in keys.items():
        if hmac.compare_digest(known.encode(), key):
            project = name
    if not project:
        raise Refused(403, "unknown ingestion key: see `tocsin status` for a working one")
    return project
