"""The loop that makes calls as ``pipeline.recovery.run`` decides, and tells what came of them."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any

from pipeline.recovery.breaker import Breaker
from pipeline.recovery.run import Outcome, Run
from pipeline.recovery.strategies import Call, Context, Strategies
from pipeline.sdk.breakers import Breakers

Hook = Callable[[Outcome], None]
_log = logging.getLogger(__name__)


def _utcnow() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)  # noqa: TID251  a shell of its own: a service has no io/clock.py


@dataclass(frozen=True, slots=True)
class World:
    """What a run needs of the world; tests pass one whose sleep moves its clock."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utcnow
    draw: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    asleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Runner:
    """Makes calls through breakers; each hook gets every outcome."""

    def __init__(
        self, world: World, breaker: Breaker, breakers: Mapping[str, Breaker], hooks: list[Hook]
    ) -> None:
        self.breakers = Breakers(breaker, breakers, world.clock)
        self.hooks = hooks
        self._world = world

    def start(self, context: Context, strategies: Strategies) -> Run:
        """Return a run that begins now."""
        return Run(context, strategies, self._world.clock())

    def drive(self, run: Run, call: Call) -> Any:
        """Make calls until one succeeds; raises what the run says once there is none left."""
        while True:
            if call.wait_s > 0:
                self._world.sleep(call.wait_s)
            try:
                with self._guard(run, call):
                    result = call.operation()
            except CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  any failure is asked for its strategy
                call = self.next(run, error, call)
            else:
                self.succeeded(run)
                return result

    async def adrive(self, run: Run, call: Call) -> Any:
        """Do the same on an event loop; a fallback may be a plain function."""
        while True:
            if call.wait_s > 0:
                await self._world.asleep(call.wait_s)
            try:
                async with self._aguard(run, call):
                    result = call.operation()
                    if isawaitable(result):
                        result = await result
            except CancelledError:
                raise
            except Exception as error:  # noqa: BLE001  any failure is asked for its strategy
                call = self.next(run, error, call)
            else:
                self.succeeded(run)
                return result

    def next(self, run: Run, error: Exception, call: Call) -> Call:
        """Return the call after a failed one; raises, beside the last error, if there is none."""
        world = self._world
        try:
            following = run.failed(
                error, call, now_s=world.clock(), now=world.now(), u=world.draw()
            )
        except Exception as broken:  # noqa: BLE001  a strategy of the user's own has failed
            run.last = broken
            self._tell(run)
            raise run.final()  # noqa: B904  the context tells; a cause would hide its own
        if following is not None:
            return following
        self._tell(run)
        raise run.final()

    def succeeded(self, run: Run) -> None:
        """Tell of a run that was answered."""
        run.succeeded()
        self._tell(run)

    def _guard(self, run: Run, call: Call) -> AbstractContextManager[float | None]:
        """Return the breaker's watch over one call of a run."""
        service = run.context.service if call.guarded else ""
        return self.breakers.guard(service, run.left_s(self._world.clock()))

    def _aguard(self, run: Run, call: Call) -> AbstractAsyncContextManager[float | None]:
        """Return the watch that also cancels."""
        service = run.context.service if call.guarded else ""
        return self.breakers.aguard(service, run.left_s(self._world.clock()))

    def _tell(self, run: Run) -> None:
        """Hand the outcome to every hook; one that fails harms nobody."""
        service = run.context.service
        outcome = run.outcome(
            now_s=self._world.clock(),
            now=self._world.now(),
            breaker_state=self.breakers.phase(service) if service else "",
        )
        if outcome is None:
            return
        for hook in self.hooks:
            try:
                hook(outcome)
            except Exception:  # noqa: BLE001  the host's call has its own result
                _log.exception("a hook failed on a recovery's outcome")

    def attempts(self, run: Run) -> Iterator[AbstractContextManager[None]]:
        """Yield a block's attempts until one succeeds."""
        attempt = _Attempt(Call(run.context.operation))
        while (call := attempt.taken()) is not None:
            if call.wait_s > 0:
                self._world.sleep(call.wait_s)
            yield self._block(run, attempt, call)

    async def aattempts(self, run: Run) -> AsyncIterator[AbstractAsyncContextManager[None]]:
        """Yield the same on an event loop."""
        attempt = _Attempt(Call(run.context.operation))
        while (call := attempt.taken()) is not None:
            if call.wait_s > 0:
                await self._world.asleep(call.wait_s)
            yield self._ablock(run, attempt, call)

    @contextmanager
    def _block(self, run: Run, attempt: "_Attempt", call: Call) -> Iterator[None]:
        """Run a block once; its error is swallowed if another attempt follows."""
        try:
            with self._guard(run, call):
                yield
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  any failure is asked for its strategy
            attempt.call = self.next(run, error, call)
        else:
            self.succeeded(run)

    @asynccontextmanager
    async def _ablock(self, run: Run, attempt: "_Attempt", call: Call) -> AsyncIterator[None]:
        """Do the same on an event loop."""
        try:
            async with self._aguard(run, call):
                yield
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  any failure is asked for its strategy
            attempt.call = self.next(run, error, call)
        else:
            self.succeeded(run)


@dataclass(slots=True)
class _Attempt:
    """The next attempt at a block."""

    call: Call | None

    def taken(self) -> Call | None:
        """Return it; no other follows unless this one fails, or if its block is not entered."""
        call, self.call = self.call, None
        return call
