"""How long waits are, and when there is none left."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.recovery.policy import Backoff
from pipeline.recovery.strategies import DATABASE, NETWORK

U = st.floats(0, 1)


def test_limits_double_up_to_the_longest() -> None:
    """7.7 The limit of the wait doubles with each retry and stays at the longest delay."""
    policy = Backoff(max_retries=5, first_s=1, most_s=10)

    assert [policy.next_s(n, 1.0) for n in range(1, 7)] == [1, 2, 4, 8, 10, None]


@given(st.integers(0, 5_000), U)
def test_jitter_is_bounded(retry: int, u: float) -> None:
    """7.7 A wait lies between nothing and the limit, however often it was tried."""
    policy = Backoff(first_s=0.5, most_s=20)

    assert 0 <= policy.wait_s(retry, u) <= policy.limit_s(retry) <= 20


@given(st.integers(0, 100), U)
def test_a_shortest_wait_is_kept(retry: int, u: float) -> None:
    """A policy with a shortest wait never goes below it."""
    policy = Backoff(first_s=1, most_s=300, least_s=1)

    assert 1 <= policy.wait_s(retry, u) <= 300


def test_waits_spread_over_the_whole_limit() -> None:
    """Jitter is full: clients that failed together come back at any time up to the limit."""
    policy = Backoff(first_s=4)

    assert [policy.wait_s(0, u) for u in (0.0, 0.25, 1.0)] == [0, 1, 4]


@pytest.mark.parametrize(
    ("policy", "waits"), [(NETWORK, [1.0, 2.0, None]), (DATABASE, [0.5, None])]
)
def test_shipped_numbers(policy: Backoff, waits: list[float | None]) -> None:
    """7.2 Network: 3 attempts, 1 s then 2 s; 7.3 database: 2 attempts, 0.5 s."""
    assert [policy.next_s(n, 1.0) for n in range(1, len(waits) + 1)] == waits


def test_shipped_caps() -> None:
    """7.2 Network waits at most 10 s, 7.3 a database 5 s."""
    assert [NETWORK.limit_s(100), DATABASE.limit_s(100)] == [10.0, 5.0]


def test_no_retries_is_no_wait() -> None:
    """7.7 D21 max_retries = 0 means one call and no second."""
    assert Backoff(max_retries=0).next_s(1, 0.5) is None


@pytest.mark.parametrize(
    "numbers", [{"max_retries": -1}, {"first_s": 9, "most_s": 3}, {"least_s": -1}, {"least_s": 2}]
)
def test_nonsense_is_refused(numbers: dict[str, Any]) -> None:
    """Numbers that contradict each other are refused when they are written down."""
    with pytest.raises(ValueError, match="max_retries"):
        Backoff(**numbers)
