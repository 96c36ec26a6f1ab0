"""The breakers of this process, one per service, shared by its threads and tasks."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from pipeline.recovery.breaker import Breaker, Permit, Phase, Result, State
from pipeline.recovery.errors import Rejected

_until_s: ContextVar[float | None] = ContextVar("until_s", default=None)


class Breakers:
    """Lets calls pass or not; ``by_service`` holds the policies that differ from the default."""

    def __init__(
        self,
        default: Breaker = Breaker(),  # noqa: B008  frozen
        by_service: Mapping[str, Breaker] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._default = default
        self._by_service = by_service
        self._clock = clock
        self._states: dict[str, State] = {}
        self._lock = threading.Lock()

    def policy(self, service: str) -> Breaker:
        """Return the numbers of a service's breaker."""
        return self._by_service.get(service, self._default)

    def phase(self, service: str) -> Phase:
        """Return what a service's breaker does now."""
        with self._lock:
            return self._states.get(service, State()).phase

    def time_left(self) -> float | None:
        """Return the seconds that the call under way may still take, None outside of one.

        A function that nothing can cancel hands it to its client as a timeout.
        """
        until_s = _until_s.get()
        return None if until_s is None else max(0.0, until_s - self._clock())

    @contextmanager
    def guard(self, service: str = "", within_s: float | None = None) -> Iterator[float | None]:
        """Make one call, which gets the seconds it may take; raises Rejected without making it.

        Without a service it is only told the time.
        """
        permit = self._admit(service) if service else None
        began_s = self._clock()
        limits = [self.time_left(), within_s, self.policy(service).timeout_s if service else None]
        timeout_s = min((limit for limit in limits if limit is not None), default=None)
        token = _until_s.set(None if timeout_s is None else began_s + timeout_s)
        result = Result.FAILURE
        try:
            yield timeout_s
            result = Result.SUCCESS
        except BaseException as error:
            result = self._meaning(service, error)
            raise
        finally:
            _until_s.reset(token)
            if permit is not None:
                self._settle(service, permit, result, began_s)

    @asynccontextmanager
    async def aguard(
        self, service: str = "", within_s: float | None = None
    ) -> AsyncIterator[float | None]:
        """Make one call on an event loop; it is cancelled when its time is over."""
        with self.guard(service, within_s) as timeout_s:
            async with asyncio.timeout(timeout_s):
                yield timeout_s

    def _admit(self, service: str) -> Permit:
        """Return the permit for a call, or raise Rejected."""
        policy = self.policy(service)
        with self._lock:
            now_s = self._clock()
            before = self._states.get(service, State())
            state, permit = policy.admit(before, now_s)
            self._states[service] = state
        if permit is None:
            raise Rejected(service, policy.open_s(before, now_s))
        return permit

    def _meaning(self, service: str, error: BaseException) -> Result:
        """Return what an exception says about the service."""
        if not isinstance(error, Exception) or isinstance(error, CancelledError):
            return Result.CANCELLED
        return Result.SUCCESS if isinstance(error, self.policy(service).ignored) else Result.FAILURE

    def _settle(self, service: str, permit: Permit, result: Result, began_s: float) -> None:
        """Tell the breaker how a call ended; an answer that came too late is a failure."""
        policy = self.policy(service)
        with self._lock:
            now_s = self._clock()
            if result is Result.SUCCESS and now_s - began_s > policy.timeout_s:
                result = Result.FAILURE
            state = self._states[service]
            self._states[service] = policy.settle(state, permit, result, now_s)
