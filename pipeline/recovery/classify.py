"""Which kind a foreign error is: by type, by what drivers put on it, last by its text.

Libraries wrap what happened, so an error that says nothing by itself is what its cause is. No
library is imported for it: drivers are known by the attributes that they document.
"""

import errno
import re
from collections.abc import Iterator

from pipeline.recovery.errors import (
    DatabaseError,
    ExternalServiceError,
    NetworkError,
    RateLimitError,
    RecoveryError,
    Rejected,
    UnknownError,
)

KINDS = (Rejected, RateLimitError, DatabaseError, NetworkError, ExternalServiceError)
_DEPTH = 10
_LOOKED_AT = 2_000
_ERRNO = frozenset(
    {
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ETIMEDOUT),
        *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPIPE),
    }
)
_NETWORK = re.compile(
    r"connection (?:was )?(?:refused|reset|aborted)|\btimed out\b|ECONN(?:REFUSED|RESET|ABORTED)"
    r"|ETIMEDOUT|temporary failure in name resolution",
    re.IGNORECASE,
)
# deadlock_detected, serialization_failure, lock_not_available
_SQLSTATES = frozenset({"40P01", "40001", "55P03"})
_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED")
_DATABASE = re.compile(
    r"deadlock|SQLITE_BUSY|database (?:table )?is locked|lock wait timeout exceeded"
    r"|could not serialize access",
    re.IGNORECASE,
)
_STATUS = ("status", "status_code", "code")


def classify(error: BaseException) -> type[RecoveryError]:
    """Return the kind of an error, UnknownError if neither it nor what caused it tells."""
    for link in _causes(error):
        kind = _kind(link)
        if kind is not UnknownError:
            return kind
    return UnknownError


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from.

    What it was raised beside (``__context__``) is no cause: a bug in a handler would count as the
    failure that it handled.
    """
    link: BaseException | None = error
    for _ in range(_DEPTH):
        if link is None:
            return
        yield link
        link = link.__cause__


def _kind(error: BaseException) -> type[RecoveryError]:
    """Return the kind of one error by itself."""
    for kind in KINDS:
        if isinstance(error, kind):
            return kind
    text = str(error)[:_LOOKED_AT]
    if _is_network(error, text):
        return NetworkError
    if _is_database(error, text):
        return DatabaseError
    if 429 in _statuses(error):
        return RateLimitError
    if getattr(error, "is_external_service", False) is True:
        return ExternalServiceError
    return UnknownError


def _is_network(error: BaseException, text: str) -> bool:
    """Whether nothing answered, or not in time."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in _ERRNO:
        return True
    return _NETWORK.search(text) is not None


def _is_database(error: BaseException, text: str) -> bool:
    """Whether a database says that somebody else was in the way."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if isinstance(state, str) and state in _SQLSTATES:
        return True
    name = getattr(error, "sqlite_errorname", None)
    if isinstance(name, str) and name.startswith(_SQLITE):
        return True
    return _DATABASE.search(text) is not None


def _statuses(error: BaseException) -> Iterator[object]:
    """Yield what may be the HTTP status of an error or of the response that it carries."""
    for holder in (error, getattr(error, "response", None)):
        for name in _STATUS:
            yield getattr(holder, name, None)
