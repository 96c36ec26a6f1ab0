"""One call from its first failure to its outcome; whoever makes the calls asks what comes next."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from pipeline.recovery.errors import ExternalServiceError, Rejected
from pipeline.recovery.strategies import Call, Context, Failure, Strategies, found

FALLBACK = "fallback"
Verdict = Literal["success", "failure", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a call that had failed: survived, given up, or not even made."""

    at: datetime
    operation: str
    service: str
    strategy: str
    error_type: str
    outcome: Verdict
    attempts: int
    duration_s: float
    breaker_state: str


@dataclass(slots=True)
class Run:
    """The state of one call; ``raises`` is the error that is raised if nothing helps."""

    context: Context
    strategies: Strategies
    began_s: float
    raises: Literal["first", "last"] = "first"
    attempts: int = 0
    strategy: str = ""
    first: Exception | None = None
    last: Exception | None = None
    _times: dict[str, int] = field(default_factory=dict)

    def failed(
        self, error: Exception, call: Call, *, now_s: float, now: datetime, u: float
    ) -> Call | None:
        """Return the call that follows a failed one, None if the failure is final."""
        guarded = call.guarded and bool(self.context.service)
        self.attempts += 1
        self.first = self.first or error
        self.last = error
        if isinstance(error, ExternalServiceError) and not self.context.service:
            self.context = replace(self.context, service=error.service)
        if self.strategy == FALLBACK:
            return None
        known = found(error, self.strategies)
        if known is None:
            return None
        self.strategy, strategy = known
        self._times[self.strategy] = self._times.get(self.strategy, 0) + 1
        following = strategy(
            Failure(
                error=error,
                context=self.context,
                attempts=self.attempts,
                same=self._times[self.strategy],
                guarded=guarded,
                now=now,
                u=u,
            )
        )
        if following is not None and self._is_in_time(following, now_s):
            return following
        return self._fallback()

    def succeeded(self) -> None:
        """Take note that the last call was answered."""
        self.attempts += 1
        self.last = None

    def final(self) -> Exception:
        """Return the error to be raised after a failure that is final."""
        error = self.first if self.raises == "first" else self.last
        assert error is not None
        return error

    def left_s(self, now_s: float) -> float | None:
        """Return the seconds until the deadline, None without one."""
        deadline_s = self.context.deadline_s
        return None if deadline_s is None else max(0.0, self.began_s + deadline_s - now_s)

    def outcome(self, *, now_s: float, now: datetime, breaker_state: str = "") -> Outcome | None:
        """Return what is to be told once it is over; nothing if no strategy was needed or known."""
        if self.first is None or not self.strategy:
            return None
        return Outcome(
            at=now,
            operation=self.context.name,
            service=self.context.service,
            strategy=self.strategy,
            error_type=type(self.first).__name__,
            outcome=self._verdict(),
            attempts=self.attempts,
            duration_s=now_s - self.began_s,
            breaker_state=breaker_state,
        )

    def _verdict(self) -> Verdict:
        """Return the outcome by the last call's error."""
        if self.last is None:
            return "success"
        return "rejected" if isinstance(self.last, Rejected) else "failure"

    def _is_in_time(self, call: Call, now_s: float) -> bool:
        """Whether a call would still begin before the deadline."""
        left_s = self.left_s(now_s)
        return left_s is None or call.wait_s < left_s

    def _fallback(self) -> Call | None:
        """Return the fallback, once; None without one."""
        if self.context.fallback is None:
            return None
        self.strategy = FALLBACK
        return Call(self.context.fallback, guarded=False)
