"""On an event loop: what is too slow is cancelled, and whoever cancels is obeyed at once."""

import asyncio
from typing import Any

import pytest

from pipeline.recovery.breaker import Breaker
from pipeline.recovery.errors import NetworkError
from pipeline.recovery.policy import Backoff
from tests.recovery.build import Bench, Flaky, a_bench, wait_for

SHORT = Breaker(timeout_s=0.01)


class Endless:
    """An operation that ends only by being cancelled."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.calls = 0
        self.cancelled = 0

    async def __call__(self) -> None:
        """Wait for ever."""
        self.calls += 1
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1


def test_a_timeout_cancels_the_operation() -> None:
    """7.9 D21 The operation that took too long does not run on; its timeout is a failure."""
    bench, operation = a_bench(breaker=SHORT), Endless()
    with pytest.raises(TimeoutError):
        wait_for(bench.recovery.acall(operation, service="slow"))

    assert operation.calls == operation.cancelled == 3
    assert bench.recovery.breakers._states["slow"].buckets[-1].failed == 1
    assert [(o.outcome, o.error_type) for o in bench.told] == [("failure", "TimeoutError")]


def test_timeouts_open_the_breaker() -> None:
    """7.8 7.9 A service that hangs is left alone after ten calls."""
    bench, operation = a_bench(u=0.0, breaker=SHORT), Endless()
    for _ in range(4):
        with pytest.raises(TimeoutError):
            wait_for(bench.recovery.acall(operation, service="slow"))

    assert operation.calls == 10
    assert bench.recovery.breakers.phase("slow") == "open"


def test_the_deadline_cancels_the_last_attempt() -> None:
    """7.7 An attempt that would outlast the total deadline is cancelled."""
    bench, operation = a_bench(), Endless()
    with pytest.raises(TimeoutError):
        wait_for(
            bench.recovery.aretry_with_backoff(operation, Backoff(max_retries=0), deadline_s=0.01)
        )

    assert operation.calls == operation.cancelled == 1


async def _cancelled(bench: Bench, operation: Endless, **options: Any) -> None:
    """Cancel a call that is under way."""
    task = asyncio.create_task(bench.recovery.acall(operation, **options))
    await operation.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_cancelling_a_call() -> None:
    """7.6 A cancelled task ends: no retry, no fallback, nothing told, nothing counted."""
    bench, operation = a_bench(), Endless()
    wait_for(_cancelled(bench, operation, service="slow", fallback=lambda: "hidden"))

    assert (operation.calls, operation.cancelled, bench.told) == (1, 1, [])
    assert bench.recovery.breakers._states["slow"].buckets == ()


def test_cancelling_a_wait() -> None:
    """7.6 A task that is cancelled between two attempts makes no further one."""

    async def run() -> tuple[int, int]:
        """Cancel while it waits; the wait is a real one."""
        bench, operation = a_bench(), Flaky(*[NetworkError()] * 3)
        waiting = asyncio.Event()

        async def asleep(_seconds: float) -> None:
            """Wait until somebody cancels."""
            waiting.set()
            await asyncio.Event().wait()

        object.__setattr__(bench.recovery._runner._world, "asleep", asleep)
        task = asyncio.create_task(bench.recovery.acall(operation.later))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return operation.calls, len(bench.told)

    assert wait_for(run()) == (1, 0)


def test_a_cancelled_probe_frees_its_place() -> None:
    """7.6 7.9 A probe that is cancelled leaves the breaker to the next call."""

    async def run() -> Any:
        """Open the breaker, cancel the probe, call again."""
        bench = a_bench()
        for _ in range(10):
            with pytest.raises(KeyError):
                await bench.recovery.acall(Flaky(KeyError("x")).later, service="slow")
        bench.world.sleep(30)
        await _cancelled(bench, Endless(), service="slow")
        return await bench.recovery.acall(Flaky().later, service="slow")

    assert wait_for(run()) == "done"


def test_one_probe_for_all_tasks() -> None:
    """7.9 Of twenty tasks that come when the time is over, exactly one calls."""

    async def run() -> list[type]:
        """Open the breaker, then come all at once."""
        bench = a_bench()
        for _ in range(10):
            with pytest.raises(KeyError):
                await bench.recovery.acall(Flaky(KeyError("x")).later, service="s")
        bench.world.sleep(30)
        calls = [bench.recovery.acall(Flaky().later, service="s") for _ in range(20)]
        return [type(each) for each in await asyncio.gather(*calls, return_exceptions=True)]

    kinds = [kind.__name__ for kind in wait_for(run())]

    assert (kinds.count("str"), kinds.count("Rejected")) == (1, 19)
