"""Decorators and context managers."""

import asyncio
from inspect import iscoroutinefunction
from typing import Any

import pytest

from pipeline.recovery.breaker import Breaker
from pipeline.recovery.errors import DatabaseError, ExternalServiceError, NetworkError, Rejected
from tests.recovery.build import Bench, Flaky, a_bench, raised_by, wait_for

NET = [NetworkError(str(n)) for n in range(4)]


def test_a_decorated_function() -> None:
    """7.2 A decorated function is retried with its arguments, under its own name."""
    bench, flaky = a_bench(), Flaky(NET[0])

    @bench.recovery.protect()
    def load(key: str, *, deep: bool) -> tuple[str, bool]:
        """Load."""
        flaky()
        return key, deep

    assert load("a", deep=True) == ("a", True)
    assert load.__name__ == "load"
    assert load.__doc__ == "Load."
    assert bench.told[0].operation.endswith("<locals>.load")


def test_a_decorated_coroutine_function() -> None:
    """7.2 A decorated coroutine function stays one."""
    bench, flaky = a_bench(), Flaky(NET[0])

    @bench.recovery.protect(name="load")
    async def load(key: str) -> str:
        """Load."""
        flaky()
        return key

    assert iscoroutinefunction(load)
    assert wait_for(load("a")) == "a"
    assert bench.told[0].operation == "load"


def test_stand_ins_get_the_arguments() -> None:
    """7.3 7.5 Replica and fallback of a decorated function are called with its arguments."""
    recovery = a_bench().recovery

    @recovery.protect(is_read=True, replicas=(lambda key: f"copy of {key}",))
    def read(key: str) -> str:
        """Fail."""
        raise DatabaseError(key)

    @recovery.protect(service="s", fallback=lambda key: f"old {key}")
    async def fetch(key: str) -> str:
        """Fail."""
        raise ExternalServiceError(key)

    assert read("a") == "copy of a"
    assert wait_for(fetch("a")) == "old a"


def test_generators_are_refused() -> None:
    """A generator fails while it is read, not when it is called: it cannot be protected."""
    protect = a_bench().recovery.protect()

    def rows() -> Any:
        """Yield."""
        yield 1

    async def arows() -> Any:
        """Yield."""
        yield 1

    with pytest.raises(TypeError, match="generator"):
        protect(rows)
    with pytest.raises(TypeError, match="generator"):
        protect(arows)


def run_block(bench: Bench, flaky: Flaky) -> None:
    """Run a block until it passes."""
    for attempt in bench.recovery.attempts("import"):
        with attempt:
            flaky()


def test_a_block_is_retried() -> None:
    """7.2 A block of code is run until it passes; the outcome has its name."""
    bench, flaky = a_bench(), Flaky(*NET[:2])
    run_block(bench, flaky)

    assert (flaky.calls, bench.world.waits) == (3, [1.0, 2.0])
    assert [(o.operation, o.outcome, o.attempts) for o in bench.told] == [("import", "success", 3)]


def test_a_block_in_vain() -> None:
    """7.6 D22 The block's first error comes out, its last as context."""
    bench, flaky = a_bench(), Flaky(*NET)
    error = raised_by(lambda: run_block(bench, flaky))

    assert (error, error.__context__) == (NET[0], NET[2])
    assert flaky.calls == 3


def test_a_block_that_fails_otherwise() -> None:
    """7.6 An unknown error leaves the block as it is."""
    flaky = Flaky(KeyError("bug"))
    error = raised_by(lambda: run_block(a_bench(), flaky))

    assert (type(error), flaky.calls) == (KeyError, 1)


def test_leaving_a_block() -> None:
    """A block may be left by return, break or not be entered at all."""
    recovery = a_bench().recovery

    def early() -> int:
        """Return from inside."""
        for attempt in recovery.attempts("x"):
            with attempt:
                return 1
        return 2

    assert early() == 1
    assert len(list(recovery.attempts("x"))) == 1


def test_an_asynchronous_block() -> None:
    """7.2 7.9 The same on an event loop, where a block that takes too long is cancelled."""

    async def run() -> list[float]:
        """Fail, hang, pass."""
        bench, n = a_bench(breaker=Breaker(timeout_s=0.01)), 0
        async for attempt in bench.recovery.attempts("import", service="slow"):
            async with attempt:
                n += 1
                if n == 1:
                    raise NET[0]
                if n == 2:
                    await asyncio.Event().wait()
        return bench.world.waits

    assert wait_for(run()) == [1.0, 2.0]


def test_a_guarded_block() -> None:
    """7.8 7.9 A breaker alone, around any code, rejects before the code runs."""
    breakers = a_bench().recovery.breakers
    for _ in range(10):
        with pytest.raises(KeyError), breakers.guard("pay"):
            raise KeyError
    entered = False
    with pytest.raises(Rejected), breakers.guard("pay"):
        entered = True

    assert not entered


def test_an_asynchronous_guarded_block() -> None:
    """7.9 The same on an event loop, with its timeout."""

    async def run() -> None:
        """Hang."""
        breakers = a_bench(breaker=Breaker(timeout_s=0.01)).recovery.breakers
        async with breakers.aguard("pay"):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        wait_for(run())
