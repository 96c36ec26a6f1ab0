"""The breaker as a value: when it opens, what its probe decides, which results are too late."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.recovery.breaker import Breaker, Permit, Phase, Result, State

B = Breaker()
OK, BAD, GONE = Result.SUCCESS, Result.FAILURE, Result.CANCELLED


def after(results: Sequence[Result], state: State = State(), at_s: float = 0.0) -> State:  # noqa: B008
    """Return the state after these calls, all at one time."""
    for result in results:
        state, permit = B.admit(state, at_s)
        assert permit is not None
        state = B.settle(state, permit, result, at_s)
    return state


def opened(at_s: float = 0.0) -> State:
    """Return a breaker that opened at a time."""
    state = after([BAD] * 10, at_s=at_s)
    assert state.phase is Phase.OPEN
    return state


def probing(at_s: float = 30.0) -> tuple[State, Permit]:
    """Return a breaker whose probe is under way since a time."""
    state, permit = B.admit(opened(at_s - 30), at_s)
    assert permit is not None
    return state, permit


def test_the_numbers() -> None:
    """7.8 Timeout 3 s, 50 % errors, reset 30 s, rolling 10 s in 10 buckets, volume 10."""
    assert (B.timeout_s, B.error_share, B.reset_s) == (3, 0.5, 30)
    assert (B.window_s, B.buckets, B.volume) == (10, 10, 10)


@pytest.mark.parametrize(
    ("results", "phase"),
    [
        ([BAD] * 9, Phase.CLOSED),
        ([BAD] * 10, Phase.OPEN),
        ([BAD] * 5 + [OK] * 5, Phase.OPEN),
        ([OK] * 5 + [BAD] * 5, Phase.OPEN),
        ([OK, BAD] * 5, Phase.OPEN),
        ([BAD] * 4 + [OK] * 6, Phase.CLOSED),
        ([OK] * 6 + [BAD] * 4, Phase.CLOSED),
        ([BAD] * 9 + [GONE] * 5, Phase.CLOSED),
        ([OK] * 11 + [BAD] * 10, Phase.CLOSED),
        ([OK] * 10 + [BAD] * 10, Phase.OPEN),
    ],
)
def test_the_threshold(results: list[Result], phase: Phase) -> None:
    """7.8 D20 9 failures never open it, 5 of 10 do in any order, 4 of 10 do not."""
    assert after(results).phase is phase


@pytest.mark.parametrize(("later_s", "phase"), [(9.0, Phase.OPEN), (10.0, Phase.CLOSED)])
def test_old_failures_do_not_count(later_s: float, phase: Phase) -> None:
    """7.8 D20 Failures older than 10 s do not count."""
    state = after([BAD] * 9, at_s=0.0)

    assert after([BAD], state, at_s=later_s).phase is phase


def test_failures_leave_the_window_slice_by_slice() -> None:
    """7.8 One failure a second is ten in the window at any time, and no more."""
    state = State()
    for second in range(100):
        state = after([OK] * 2, state, at_s=second)
        state = after([BAD], state, at_s=second)

    assert sum(bucket.total for bucket in state.buckets) == 30
    assert sum(bucket.failed for bucket in state.buckets) == 10


def test_an_open_breaker_rejects_at_once() -> None:
    """7.9 OPEN lets nothing pass for 30 s, and tells how long it will stay so."""
    state = opened(at_s=5.0)

    assert [B.admit(state, at_s)[1] for at_s in (5.0, 20.0, 34.999)] == [None] * 3
    assert B.open_s(state, 20.0) == 15.0


def test_exactly_one_probe() -> None:
    """7.9 D20 After 30 s exactly one call passes while it runs."""
    state, permit = B.admit(opened(), 30.0)

    assert permit is not None
    assert state.phase is Phase.HALF_OPEN
    assert [B.admit(state, at_s)[1] for at_s in (30.0, 31.0, 59.9)] == [None] * 3


def test_a_good_probe_closes() -> None:
    """7.9 D20 One success of the probe closes it, with an empty window."""
    state, permit = probing()
    closed = B.settle(state, permit, OK, 30.1)

    assert (closed.phase, closed.buckets) == (Phase.CLOSED, ())
    assert after([BAD] * 9, closed, at_s=31.0).phase is Phase.CLOSED


def test_a_bad_probe_opens_anew() -> None:
    """7.9 A failure of the probe opens it with a new timer."""
    state, permit = probing(at_s=40.0)
    again = B.settle(state, permit, BAD, 42.0)

    assert again.phase is Phase.OPEN
    assert B.admit(again, 71.9)[1] is None
    assert B.admit(again, 72.0)[1] is not None


def test_a_cancelled_probe_gives_its_place_to_the_next_call() -> None:
    """7.9 A probe that its caller cancels proves nothing, and blocks nothing."""
    state, permit = probing(at_s=30.0)
    again = B.settle(state, permit, GONE, 31.0)

    assert B.admit(again, 31.0)[1] is not None


def test_a_lost_probe_is_replaced() -> None:
    """A probe that never comes back holds the service shut for one more period, not for ever."""
    state, lost = probing(at_s=30.0)
    state, permit = B.admit(state, 60.0)

    assert permit is not None
    assert B.settle(state, lost, OK, 61.0) == state
    assert B.settle(state, permit, OK, 61.0).phase is Phase.CLOSED


@pytest.mark.parametrize("result", [OK, BAD, GONE])
def test_late_results_mean_nothing(result: Result) -> None:
    """A call that was let through before it opened neither closes it nor moves its timer."""
    _, early = B.admit(State(), 0.0)
    assert early is not None
    state, _ = probing()

    assert B.settle(opened(), early, result, 1.0) == opened()
    assert B.settle(state, early, result, 31.0) == state


@given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from(list(Result))), max_size=60))
def test_any_history(steps: list[tuple[float, Result]]) -> None:
    """7.8 7.9 Whatever happens: never more than one probe, never shut longer than 30 s."""
    state, now_s = State(), 0.0
    for pause_s, result in steps:
        now_s += pause_s
        before = state
        state, permit = B.admit(state, now_s)
        assert (permit is None) == (B.open_s(before, now_s) > 0)
        assert B.open_s(state, now_s) <= B.reset_s
        if state.phase is Phase.HALF_OPEN:
            assert B.admit(state, now_s)[1] is None
        if permit is not None:
            state = B.settle(state, permit, result, now_s)
            assert state.phase is not Phase.HALF_OPEN


@given(st.lists(st.sampled_from([OK, BAD]), max_size=40))
def test_it_opens_exactly_at_the_threshold(results: list[Result]) -> None:
    """7.8 It opens at the first call at which 10 were made and half of them have failed."""
    state, n, failed = State(), 0, 0
    for result in results:
        state = after([result], state)
        n, failed = n + 1, failed + (result is BAD)
        assert (state.phase is Phase.OPEN) == (n >= 10 and failed * 2 >= n)
        if state.phase is Phase.OPEN:
            return


@pytest.mark.parametrize(
    "numbers", [{"timeout_s": 0}, {"volume": 0}, {"error_share": 0}, {"error_share": 1.1}]
)
def test_nonsense_is_refused(numbers: dict[str, Any]) -> None:
    """A breaker that could never open or close is refused."""
    with pytest.raises(ValueError, match="above 0"):
        Breaker(**numbers)
