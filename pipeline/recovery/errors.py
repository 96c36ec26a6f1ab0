"""The kinds of failure that have a strategy.

Exceptions::

    RecoveryError
    ├── NetworkError           refused, reset, timed out: the same call may pass later
    ├── DatabaseError          deadlock, busy: the same statement may pass soon, or on a replica
    ├── RateLimitError         too many; ``retry_after`` says when: seconds or an HTTP date
    ├── ExternalServiceError   somebody else's service failed; ``service`` is its name
    ├── Rejected               the service's breaker is open: nothing was called
    └── UnknownError           none of these; never raised here, only named by ``classify``
"""


class RecoveryError(Exception):
    """Base of the kinds; raise one of them, or let ``classify`` tell what a foreign error is."""


class NetworkError(RecoveryError):
    """Nothing answered, or not in time."""


class DatabaseError(RecoveryError):
    """The database was busy with somebody else."""


class RateLimitError(RecoveryError):
    """The other side wants fewer calls; 0 says at once, None that it did not say."""

    def __init__(self, text: str = "", *, retry_after: float | str | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ExternalServiceError(RecoveryError):
    """A service that somebody else runs has failed."""

    def __init__(self, text: str = "", *, service: str = "") -> None:
        super().__init__(text)
        self.service = service


class Rejected(RecoveryError):
    """The breaker of a service is open; ``retry_after`` is how many seconds it will stay so."""

    def __init__(self, service: str, retry_after: float) -> None:
        super().__init__(f"the breaker of {service} is open for another {retry_after:.1f} s")
        self.service = service
        self.retry_after = retry_after


class UnknownError(RecoveryError):
    """An error that nothing is known about: retrying a bug does not mend it."""
