"""What comes after a failed call, by the kind of the error: each strategy is one pure decision.

A strategy looks at a ``Failure`` and returns the next ``Call``, or None to give up. It is asked
anew after each failure, so the kind may change on the way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from pipeline.recovery.classify import classify
from pipeline.recovery.errors import (
    DatabaseError,
    ExternalServiceError,
    NetworkError,
    RateLimitError,
    Rejected,
)
from pipeline.recovery.policy import Backoff
from pipeline.recovery.retry_after import asked_by

Operation: TypeAlias = Callable[[], Any]
NETWORK = Backoff(max_retries=2, first_s=1.0, most_s=10.0)
DATABASE = Backoff(max_retries=1, first_s=0.5, most_s=5.0)
LIMITED_S, MOST_LIMITED_S = 60.0, 300.0


class Call(NamedTuple):
    """The next thing to be called, and how long to wait before.

    ``guarded`` sends it through the service's breaker; a replica or a fallback is another service.
    """

    operation: Operation
    wait_s: float = 0.0
    guarded: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is called, and what there is instead of it."""

    operation: Operation
    name: str = ""
    service: str = ""
    is_read: bool = False
    replicas: tuple[Operation, ...] = ()
    fallback: Operation | None = None
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A call that failed.

    ``attempts`` counts all calls so far, ``same`` those that failed in this way; ``guarded`` says
    that the service's breaker has seen it; ``u`` is a number from 0 to 1 drawn for this decision.
    """

    error: Exception
    context: Context
    attempts: int
    same: int
    guarded: bool
    now: datetime
    u: float


Strategy: TypeAlias = Callable[[Failure], Call | None]
Strategies: TypeAlias = Mapping[type[BaseException], Strategy]


def backing_off(policy: Backoff) -> Strategy:
    """Return the strategy that calls again as often and as late as a policy says."""

    def again(failure: Failure) -> Call | None:
        """Call again after a wait."""
        wait_s = policy.next_s(failure.attempts, failure.u)
        return None if wait_s is None else Call(failure.context.operation, wait_s)

    return again


def database(failure: Failure) -> Call | None:
    """Read from a replica, once; without one, or to write, call again after a moment."""
    replicas = failure.context.replicas
    if not failure.context.is_read or not replicas:
        return backing_off(DATABASE)(failure)
    if failure.same > 1:
        return None
    return Call(replicas[min(int(failure.u * len(replicas)), len(replicas) - 1)], guarded=False)


def rate_limited(failure: Failure) -> Call | None:
    """Wait as long as the other side asks, not longer than five minutes, then call once."""
    if failure.same > 1:
        return None
    asked_s = asked_by(failure.error, failure.now)
    wait_s = LIMITED_S if asked_s is None else asked_s
    return Call(failure.context.operation, min(wait_s, MOST_LIMITED_S))


def through_breaker(failure: Failure) -> Call | None:
    """Call once through the service's breaker, unless that is how it has failed."""
    if failure.guarded or not failure.context.service:
        return None
    return Call(failure.context.operation)


def give_up(_failure: Failure) -> Call | None:
    """Call nothing again: the fallback is left."""
    return None


DEFAULTS: Strategies = {
    NetworkError: backing_off(NETWORK),
    DatabaseError: database,
    RateLimitError: rate_limited,
    ExternalServiceError: through_breaker,
    Rejected: give_up,
}


def found(error: Exception, strategies: Strategies) -> tuple[str, Strategy] | None:
    """Return the strategy for an error with its name: that of its own class, else of its kind."""
    for kind in (*type(error).__mro__, classify(error)):
        if kind in strategies:
            return kind.__name__, strategies[kind]
    return None
