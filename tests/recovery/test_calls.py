"""Calls that fail, made with and without an event loop: what is waited, returned and raised."""

import threading
from concurrent.futures import CancelledError
from typing import Any

import pytest

from pipeline.recovery.breaker import Breaker
from pipeline.recovery.errors import (
    DatabaseError,
    ExternalServiceError,
    NetworkError,
    RateLimitError,
    Rejected,
    UnknownError,
)
from pipeline.recovery.policy import Backoff
from pipeline.recovery.run import Outcome
from pipeline.recovery.strategies import Call, Failure
from pipeline.sdk.recovery import Recovery
from tests.recovery.build import Bench, Flaky, a_bench, both_ways, raised_by, wait_for

BOTH = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
NET = [NetworkError(str(n)) for n in range(4)]


def told(bench: Bench) -> list[tuple[str, str, int]]:
    """Return what was told, shortly."""
    return [(o.outcome, o.strategy, o.attempts) for o in bench.told]


@BOTH
def test_a_call_that_succeeds_is_no_recovery(*, is_async: bool) -> None:
    """Nothing is waited and nothing told where nothing failed."""
    bench = a_bench()

    assert both_ways(bench, Flaky(), is_async=is_async) == "done"
    assert (bench.world.waits, bench.told) == ([], [])


@BOTH
def test_network(*, is_async: bool) -> None:
    """7.2 7.6 At most three attempts, 1 s then 2 s; the third one's success is told."""
    bench, operation = a_bench(), Flaky(*NET[:2])

    assert both_ways(bench, operation, is_async=is_async) == "done"
    assert bench.world.waits == [1.0, 2.0]
    assert told(bench) == [("success", "NetworkError", 3)]


@BOTH
def test_network_gives_up(*, is_async: bool) -> None:
    """7.2 7.6 D22 After three the original is raised, with the last error as its context."""
    bench, operation = a_bench(), Flaky(*NET)
    error = raised_by(lambda: both_ways(bench, operation, is_async=is_async))

    assert operation.calls == 3
    assert error is NET[0]
    assert error.__context__ is NET[2]
    assert told(bench) == [("failure", "NetworkError", 3)]


@BOTH
def test_a_read_goes_to_a_replica(*, is_async: bool) -> None:
    """7.3 D22 A read with replicas goes to a replica once, at once."""
    bench, operation = a_bench(), Flaky(DatabaseError("deadlock"))
    answer = both_ways(
        bench, operation, is_async=is_async, is_read=True, replicas=(lambda: "copy",)
    )

    assert (answer, operation.calls, bench.world.waits) == ("copy", 1, [])
    assert told(bench) == [("success", "DatabaseError", 2)]


@BOTH
def test_a_replica_is_asked_once(*, is_async: bool) -> None:
    """7.3 If the replica fails as well, that is the end."""
    bench, original = a_bench(), DatabaseError("deadlock")
    copy = Flaky(DatabaseError("busy"))
    error = raised_by(
        lambda: both_ways(bench, Flaky(original), is_async=is_async, is_read=True, replicas=(copy,))
    )

    assert (error, copy.calls) == (original, 1)


@BOTH
def test_a_write_is_tried_again(*, is_async: bool) -> None:
    """7.3 A write is made a second time after half a second."""
    bench, operation = a_bench(), Flaky(DatabaseError("deadlock"))

    assert both_ways(bench, operation, is_async=is_async) == "done"
    assert bench.world.waits == [0.5]


@BOTH
@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [(None, [60.0]), (0, []), (5, [5.0]), ("Tue, 24 Nov 2026 12:00:30 GMT", [30.0])],
)
def test_rate_limit(retry_after: Any, waits: list[float], *, is_async: bool) -> None:
    """7.4 D21 It waits as long as it is asked, 60 s if it is not, 0 if that is asked."""
    bench, operation = a_bench(), Flaky(RateLimitError(retry_after=retry_after))

    assert both_ways(bench, operation, is_async=is_async) == "done"
    assert (bench.world.waits, operation.calls) == (waits, 2)


@BOTH
def test_rate_limited_twice(*, is_async: bool) -> None:
    """7.4 It calls once and not again."""
    bench, operation = a_bench(), Flaky(*[RateLimitError(retry_after=1)] * 3)
    error = raised_by(lambda: both_ways(bench, operation, is_async=is_async))

    assert isinstance(error, RateLimitError)
    assert operation.calls == 2


@BOTH
def test_external_service(*, is_async: bool) -> None:
    """7.5 An error that has happened outside of the breaker is tried once through it."""
    bench, operation = a_bench(), Flaky(*[ExternalServiceError(service="payments")] * 2)
    error = raised_by(lambda: both_ways(bench, operation, is_async=is_async))

    assert isinstance(error, ExternalServiceError)
    assert (operation.calls, bench.recovery.breakers.phase("payments")) == (2, "closed")
    assert [(o.service, o.breaker_state) for o in bench.told] == [("payments", "closed")]


@BOTH
def test_external_service_through_its_breaker(*, is_async: bool) -> None:
    """7.5 A call that went through the breaker is not made twice: the fallback's result is it."""
    bench, operation = a_bench(), Flaky(ExternalServiceError())
    answer = both_ways(
        bench, operation, is_async=is_async, service="payments", fallback=lambda: "cached"
    )

    assert (answer, operation.calls) == ("cached", 1)
    assert told(bench) == [("success", "fallback", 2)]


@BOTH
def test_fallback_fails(*, is_async: bool) -> None:
    """7.5 7.6 If the fallback fails too, the original is raised with its error as context."""
    bench, original, second = a_bench(), ExternalServiceError("down"), KeyError("cache")
    error = raised_by(
        lambda: both_ways(
            bench, Flaky(original), is_async=is_async, service="s", fallback=Flaky(second)
        )
    )

    assert (error, error.__context__) == (original, second)
    assert told(bench) == [("failure", "fallback", 2)]


@BOTH
def test_unknown_errors_are_raised(*, is_async: bool) -> None:
    """7.6 An unknown type is raised as it is: no wait, no fallback that would hide a bug."""
    bench, operation = a_bench(), Flaky(KeyError("bug"))
    error = raised_by(
        lambda: both_ways(bench, operation, is_async=is_async, fallback=lambda: "hidden")
    )

    assert (type(error), operation.calls, bench.told) == (KeyError, 1, [])


@BOTH
def test_a_registered_strategy_comes_first(*, is_async: bool) -> None:
    """7.1 register_strategy overrides a default, for a kind and for foreign errors of that kind."""
    bench, operation = a_bench(), Flaky(ConnectionRefusedError())
    bench.recovery.register_strategy(NetworkError, lambda _failure: Call(lambda: "mine", 7.0))

    assert both_ways(bench, operation, is_async=is_async) == "mine"
    assert bench.world.waits == [7.0]


@BOTH
def test_unknown_errors_can_be_given_a_strategy(*, is_async: bool) -> None:
    """7.1 Even errors that nothing is known about can be answered."""
    bench, operation = a_bench(), Flaky(KeyError("x"))
    bench.recovery.register_strategy(UnknownError, lambda failure: Call(failure.context.operation))

    assert both_ways(bench, operation, is_async=is_async) == "done"


def broken_strategy(_failure: Failure) -> Call | None:
    """Fail."""
    raise ZeroDivisionError


@BOTH
def test_a_broken_strategy_hides_nothing(*, is_async: bool) -> None:
    """7.6 D22 A strategy that raises is a failure: the original comes out, its bug as context."""
    bench, original = a_bench(), NetworkError()
    bench.recovery.register_strategy(NetworkError, broken_strategy)
    error = raised_by(lambda: both_ways(bench, Flaky(original), is_async=is_async))

    assert error is original
    assert isinstance(error.__context__, ZeroDivisionError)
    assert [o.outcome for o in bench.told] == ["failure"]


def recover(bench: Bench, error: Exception, operation: Flaky, *, is_async: bool) -> Any:
    """Answer an error that has happened, either way."""
    if is_async:
        return wait_for(bench.recovery.arecover(error, operation.later))
    return bench.recovery.recover(error, operation)


@BOTH
def test_recover(*, is_async: bool) -> None:
    """7.6 recover() goes on after the error that it is given: that was the first attempt."""
    bench, operation = a_bench(), Flaky(NET[1])

    assert recover(bench, NET[0], operation, is_async=is_async) == "done"
    assert bench.world.waits == [1.0, 2.0]
    assert told(bench) == [("success", "NetworkError", 3)]


@BOTH
def test_recover_from_the_unknown(*, is_async: bool) -> None:
    """7.6 recover() raises an error of unknown type itself, and calls nothing."""
    bench, original, operation = a_bench(), KeyError("bug"), Flaky()
    error = raised_by(lambda: recover(bench, original, operation, is_async=is_async))

    assert (error, operation.calls, bench.told) == (original, 0, [])


@BOTH
def test_recover_in_vain(*, is_async: bool) -> None:
    """7.6 D22 recover() raises the original, with what its last attempt raised as context."""
    bench, operation = a_bench(), Flaky(*NET[1:])
    error = raised_by(lambda: recover(bench, NET[0], operation, is_async=is_async))

    assert (error, error.__context__) == (NET[0], NET[2])
    assert told(bench) == [("failure", "NetworkError", 3)]


def retry(bench: Bench, operation: Flaky, *args: Any, is_async: bool, **options: Any) -> Any:
    """Retry with back-off, either way."""
    recovery = bench.recovery
    if is_async:
        return wait_for(recovery.aretry_with_backoff(operation.later, *args, **options))
    return recovery.retry_with_backoff(operation, *args, **options)


@BOTH
def test_retry_with_backoff(*, is_async: bool) -> None:
    """7.7 Waits double up to max_delay, whatever the error; the last error is raised."""
    bench, errors = a_bench(), [ValueError(str(n)) for n in range(6)]
    policy = Backoff(max_retries=5, first_s=1, most_s=5)
    error = raised_by(lambda: retry(bench, Flaky(*errors), policy, is_async=is_async))

    assert bench.world.waits == [1, 2, 4, 5, 5]
    assert error is errors[-1]


@BOTH
def test_no_retries(*, is_async: bool) -> None:
    """7.7 D21 max_retries = 0 calls once, and raises or returns what that does."""
    bench, operation = a_bench(), Flaky(ValueError("once"))
    never = Backoff(max_retries=0)

    assert str(raised_by(lambda: retry(bench, operation, never, is_async=is_async))) == "once"
    assert retry(bench, operation, never, is_async=is_async) == "done"
    assert (operation.calls, bench.world.waits) == (2, [])


@BOTH
def test_a_deadline(*, is_async: bool) -> None:
    """7.7 A total deadline: no wait is begun that ends after it."""
    bench, operation = a_bench(), Flaky(*[ValueError()] * 9)
    policy = Backoff(max_retries=8, most_s=1000)
    raised_by(lambda: retry(bench, operation, policy, is_async=is_async, deadline_s=10))

    assert bench.world.waits == [1, 2, 4]
    assert operation.calls == 4


@BOTH
def test_a_deadline_holds_for_every_strategy(*, is_async: bool) -> None:
    """7.4 7.7 A server that asks for more time than there is gets no second call."""
    bench, operation = a_bench(), Flaky(RateLimitError(retry_after=30))
    answer = both_ways(
        bench, operation, is_async=is_async, deadline_s=20, fallback=lambda: "cached"
    )

    assert (answer, bench.world.waits) == ("cached", [])


@BOTH
@pytest.mark.parametrize("cancelled", [KeyboardInterrupt, SystemExit, CancelledError])
def test_cancellation_is_never_retried(cancelled: type[BaseException], *, is_async: bool) -> None:
    """7.6 Who stops the process or cancels a future is obeyed, strategy or not."""
    bench, operation = a_bench(), Flaky(cancelled())
    bench.recovery.register_strategy(UnknownError, lambda failure: Call(failure.context.operation))
    error = raised_by(lambda: both_ways(bench, operation, is_async=is_async, service="s"))

    assert (type(error), operation.calls, bench.told) == (cancelled, 1, [])


def fail_often(bench: Bench, n: int, *, is_async: bool) -> None:
    """Let a service fail."""
    for _ in range(n):
        raised_by(
            lambda: both_ways(
                bench, Flaky(ExternalServiceError()), is_async=is_async, service="pay"
            )
        )


@BOTH
def test_an_open_breaker_calls_nothing(*, is_async: bool) -> None:
    """7.8 7.9 After ten failures the service is not called, the fallback is; it is told so."""
    bench, operation = a_bench(), Flaky()
    fail_often(bench, 10, is_async=is_async)
    error = raised_by(lambda: both_ways(bench, operation, is_async=is_async, service="pay"))
    answer = both_ways(bench, operation, is_async=is_async, service="pay", fallback=lambda: "old")

    assert isinstance(error, Rejected)
    assert error.retry_after == 30
    assert (operation.calls, answer) == (0, "old")
    assert told(bench)[10:] == [("rejected", "Rejected", 1), ("success", "fallback", 2)]
    assert bench.told[-1].breaker_state == "open"


@BOTH
def test_one_breaker_per_service(*, is_async: bool) -> None:
    """7.8 Another service's breaker is another one, shared by sync and async calls."""
    bench = a_bench()
    fail_often(bench, 10, is_async=is_async)

    assert both_ways(bench, Flaky(), is_async=is_async, service="mail") == "done"
    assert isinstance(
        raised_by(lambda: both_ways(bench, Flaky(), is_async=not is_async, service="pay")), Rejected
    )


@BOTH
def test_it_closes_after_a_good_probe(*, is_async: bool) -> None:
    """7.9 After 30 s one success closes it."""
    bench = a_bench()
    fail_often(bench, 10, is_async=is_async)
    bench.world.sleep(30)

    assert both_ways(bench, Flaky(), is_async=is_async, service="pay") == "done"
    assert bench.recovery.breakers.phase("pay") == "closed"


def test_retries_stop_at_an_open_breaker() -> None:
    """7.9 Retries count as calls: they open the breaker, and are rejected by it."""
    bench = a_bench()
    for _ in range(4):
        raised_by(lambda: bench.recovery.call(Flaky(*NET), service="pay"))

    # Three attempts within 3 s each: the tenth call opens it, the eleventh is not made.
    assert [o.attempts for o in bench.told] == [3, 3, 3, 2]
    assert [o.outcome for o in bench.told] == ["failure"] * 3 + ["rejected"]


def test_a_cancelled_probe_frees_its_place() -> None:
    """7.6 7.9 A probe that is interrupted leaves the breaker to the next call."""
    bench = a_bench()
    fail_often(bench, 10, is_async=False)
    bench.world.sleep(30)
    raised_by(lambda: bench.recovery.call(Flaky(KeyboardInterrupt()), service="pay"))

    assert bench.recovery.call(Flaky(), service="pay") == "done"


def test_one_probe_for_all_threads() -> None:
    """7.9 Of twenty threads that come when the time is over, exactly one calls."""
    bench = a_bench()
    fail_often(bench, 10, is_async=False)
    bench.world.sleep(30)
    together, rest_is_over = threading.Barrier(20), threading.Event()
    calls: list[str] = []
    rejected: list[BaseException] = []

    def probe() -> str:
        """Hold the probe until the others have been rejected."""
        rest_is_over.wait(10)
        return "done"

    def come() -> None:
        """Call as one of many."""
        together.wait()
        try:
            calls.append(bench.recovery.call(probe, service="pay"))
        except Rejected as error:
            rejected.append(error)
            if len(rejected) == 19:
                rest_is_over.set()

    threads = [threading.Thread(target=come) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(calls), len(rejected)) == (1, 19)


def test_a_slow_answer_is_a_failure_of_the_service() -> None:
    """7.8 What cannot be cancelled returns its result, and counts as failed after 3 s."""
    bench = a_bench()

    def slow() -> str:
        """Take longer than the timeout."""
        bench.world.sleep(3.1)
        return "late"

    answers = [bench.recovery.call(slow, service="pay") for _ in range(3)]

    assert answers == ["late"] * 3
    assert bench.recovery.breakers._states["pay"].buckets[-1].failed == 1


def test_ignored_errors_do_not_open() -> None:
    """An error that is the caller's fault says that the service answers."""
    bench = a_bench(breakers={"pay": Breaker(ignored=(LookupError,))})
    for _ in range(20):
        raised_by(lambda: bench.recovery.call(Flaky(KeyError()), service="pay"))

    assert bench.recovery.breakers.phase("pay") == "closed"


def test_a_call_knows_its_time() -> None:
    """7.9 A function asks how long it may take: the breaker's timeout, or what is left of all."""
    bench = a_bench()
    ask = bench.recovery.breakers.time_left
    nested = lambda: bench.recovery.call(ask, service="pay")  # noqa: E731  called below

    assert ask() is None
    assert bench.recovery.call(ask) is None
    assert bench.recovery.call(ask, service="pay") == 3.0
    assert bench.recovery.call(ask, service="pay", deadline_s=2.0) == 2.0
    assert bench.recovery.call(nested, deadline_s=1.0) == 1.0
    assert ask() is None


def broken_hook(_outcome: Outcome) -> None:
    """Fail."""
    raise ZeroDivisionError


def test_a_hook_that_fails_harms_nobody() -> None:
    """A hook's bug is logged; the call has its result, other hooks hear of it."""
    bench = a_bench()
    bench.recovery.hooks.insert(0, broken_hook)

    assert bench.recovery.call(Flaky(NET[0])) == "done"
    assert len(bench.told) == 1


def test_the_real_world_is_the_default() -> None:
    """Without a world the machine's clock and sleep are used."""
    assert Recovery().call(Flaky(RateLimitError(retry_after=0)), service="x") == "done"
