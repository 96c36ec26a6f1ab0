"""A world whose sleeps move its clock, and operations that fail as told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.recovery.run import Outcome
from pipeline.recovery.strategies import Context, Failure
from pipeline.sdk.recovery import Recovery
from pipeline.sdk.running import World

AT = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@dataclass
class FakeWorld:
    """Time that passes only in sleeps; ``u`` is what every draw gives."""

    u: float = 1.0
    s: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.s += seconds

    async def asleep(self, seconds: float) -> None:
        """Let time pass, and other tasks run."""
        self.sleep(seconds)
        await asyncio.sleep(0)

    def now(self) -> datetime:
        """Return the time of day."""
        return AT + timedelta(seconds=self.s - 1000.0)

    def world(self) -> World:
        """Return what a Recovery takes."""
        return World(lambda: self.s, self.now, lambda: self.u, self.sleep, self.asleep)


class Flaky:
    """Raises these errors in turn, then returns its result; counts its calls."""

    def __init__(self, *errors: BaseException, result: Any = "done") -> None:
        self.errors = list(errors)
        self.result = result
        self.calls = 0

    def __call__(self) -> Any:
        """Fail or return."""
        self.calls += 1
        if self.calls <= len(self.errors):
            raise self.errors[self.calls - 1]
        return self.result

    async def later(self) -> Any:
        """Do the same on an event loop."""
        await asyncio.sleep(0)
        return self()


@dataclass
class Bench:
    """A Recovery in a fake world, and what it told."""

    world: FakeWorld
    told: list[Outcome]
    recovery: Recovery


def a_bench(u: float = 1.0, **options: Any) -> Bench:
    """Return a Recovery whose draws are the longest waits."""
    world, told = FakeWorld(u), list[Outcome]()
    return Bench(world, told, Recovery(hooks=[told.append], world=world.world(), **options))


def a_failure(error: Exception, attempts: int = 1, same: int = 1, **more: Any) -> Failure:
    """Return a failed call as a strategy sees it."""
    given: dict[str, Any] = {"guarded": False, "now": AT, "u": 1.0, "context": a_context(), **more}
    return Failure(error=error, attempts=attempts, same=same, **given)


def a_context(**more: Any) -> Context:
    """Return what is called."""
    return Context(**{"operation": primary, "name": "load", **more})


def primary() -> str:
    """Stand for the operation."""
    return "primary"


def replica() -> str:
    """Stand for a replica."""
    return "replica"


def both_ways(bench: Bench, operation: Flaky, *, is_async: bool, **options: Any) -> Any:
    """Call an operation with or without an event loop."""
    if is_async:
        return asyncio.run(bench.recovery.acall(operation.later, **options))
    return bench.recovery.call(operation, **options)


def raised_by(call: Callable[[], Any]) -> BaseException:
    """Return what a call raises."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001  cancellation, too
        return error
    raise AssertionError("nothing was raised")


def wait_for(task: Awaitable[Any]) -> Any:
    """Run a coroutine on an event loop of its own."""

    async def run() -> Any:
        """Await it."""
        return await task

    return asyncio.run(run())
