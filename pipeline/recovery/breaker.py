"""A circuit breaker: stops calling a service that mostly fails, and asks it again with one call.

    CLOSED ──half of 10 or more calls in 10 s failed──▶ OPEN ──30 s──▶ HALF_OPEN ──success──▶ CLOSED
                                                         ▲                 │
                                                         └─────failure─────┘

The policy is frozen and the state is a value; the caller keeps it and passes the time.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple


class Phase(StrEnum):
    """What a breaker does with calls."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Result(StrEnum):
    """What came of an admitted call; a cancelled one says nothing about the service."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"


class Bucket(NamedTuple):
    """The calls of one slice of the window."""

    number: int
    total: int
    failed: int


class Permit(NamedTuple):
    """Lets one call pass; its result counts only in the round that admitted it."""

    round: int


@dataclass(frozen=True, slots=True)
class State:
    """A breaker's memory; ``since_s`` is when it opened, or when its probe started."""

    phase: Phase = Phase.CLOSED
    round: int = 0
    since_s: float = 0.0
    buckets: tuple[Bucket, ...] = ()

    def turned(self, phase: Phase, since_s: float) -> "State":
        """Return the first state of the next round: results of earlier calls mean nothing to it."""
        return State(phase, self.round + 1, since_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """When to open and for how long; ``ignored`` errors are the caller's fault, not the service's.

    ``timeout_s`` ends a call that can be cancelled; one that cannot counts as failed if it took
    longer.
    """

    timeout_s: float = 3.0
    error_share: float = 0.5
    reset_s: float = 30.0
    window_s: float = 10.0
    buckets: int = 10
    volume: int = 10
    ignored: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if min(self.timeout_s, self.reset_s, self.window_s, self.buckets, self.volume) <= 0:
            raise ValueError(f"times, buckets and volume have to be above 0: {self}")
        if not 0 < self.error_share <= 1:
            raise ValueError(f"error_share is above 0 and at most 1: {self.error_share}")

    def admit(self, state: State, now_s: float) -> tuple[State, Permit | None]:
        """Return the permit for one call, None while it is open or its probe runs."""
        if state.phase is Phase.CLOSED:
            return state, Permit(state.round)
        # A probe that never comes back, its thread gone, must not keep the service shut for ever.
        if self.open_s(state, now_s) > 0:
            return state, None
        probing = state.turned(Phase.HALF_OPEN, now_s)
        return probing, Permit(probing.round)

    def open_s(self, state: State, now_s: float) -> float:
        """Return for how many seconds no further call can pass."""
        if state.phase is Phase.CLOSED:
            return 0.0
        return max(0.0, state.since_s + self.reset_s - now_s)

    def settle(self, state: State, permit: Permit, result: Result, now_s: float) -> State:
        """Return the state after a call has ended; one of an earlier round changes nothing."""
        if permit.round != state.round:
            return state
        if state.phase is Phase.HALF_OPEN:
            return self._probed(state, result, now_s)
        if result is Result.CANCELLED:
            return state
        counted = self._counted(state, result, now_s)
        return state.turned(Phase.OPEN, now_s) if self._is_over(counted) else counted

    def _probed(self, state: State, result: Result, now_s: float) -> State:
        """Return the state after the probe; if it was cancelled the next call is the probe."""
        if result is Result.SUCCESS:
            return state.turned(Phase.CLOSED, now_s)
        since_s = now_s if result is Result.FAILURE else now_s - self.reset_s
        return state.turned(Phase.OPEN, since_s)

    def _counted(self, state: State, result: Result, now_s: float) -> State:
        """Return the window with one more call, without the slices that are too old."""
        number = int(now_s * self.buckets // self.window_s)
        kept = [b for b in state.buckets if number - self.buckets < b.number]
        last = kept.pop() if kept and kept[-1].number >= number else Bucket(number, 0, 0)
        failed = last.failed + (result is Result.FAILURE)
        return replace(state, buckets=(*kept, Bucket(last.number, last.total + 1, failed)))

    def _is_over(self, state: State) -> bool:
        """Whether enough calls were made and enough of them failed."""
        total = sum(bucket.total for bucket in state.buckets)
        failed = sum(bucket.failed for bucket in state.buckets)
        return total >= self.volume and failed >= self.error_share * total
