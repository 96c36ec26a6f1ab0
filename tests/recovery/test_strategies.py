"""What each strategy decides, as a table."""

from functools import partial

import pytest

from pipeline.recovery.errors import (
    DatabaseError,
    ExternalServiceError,
    NetworkError,
    RateLimitError,
    Rejected,
)
from pipeline.recovery.policy import Backoff
from pipeline.recovery.strategies import (
    DEFAULTS,
    Call,
    Failure,
    backing_off,
    found,
    give_up,
)
from tests.recovery.build import a_context, a_failure, primary, replica

READ = a_context(is_read=True, replicas=(replica,))
TO_PAYMENTS = a_context(service="payments")
NET, DB, FULL = NetworkError(), DatabaseError(), RateLimitError()
LONG = RateLimitError(retry_after=7200)
EXTERNAL = ExternalServiceError()


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (a_failure(NET), Call(primary, 1.0)),
        (a_failure(NET, 2, 2), Call(primary, 2.0)),
        (a_failure(NET, 3, 3), None),
        (a_failure(NET, u=0.5), Call(primary, 0.5)),
        (a_failure(DB), Call(primary, 0.5)),
        (a_failure(DB, 2, 2), None),
        (a_failure(DB, context=READ), Call(replica, 0.0, guarded=False)),
        (a_failure(DB, context=READ, u=0.0), Call(replica, 0.0, guarded=False)),
        (a_failure(DB, 2, 2, context=READ), None),
        (a_failure(DB, context=a_context(replicas=(replica,))), Call(primary, 0.5)),
        (a_failure(DB, context=a_context(is_read=True)), Call(primary, 0.5)),
        (a_failure(FULL), Call(primary, 60.0)),
        (a_failure(RateLimitError(retry_after=0)), Call(primary, 0.0)),
        (a_failure(RateLimitError(retry_after=7)), Call(primary, 7.0)),
        (
            a_failure(RateLimitError(retry_after="Tue, 24 Nov 2026 12:00:30 GMT")),
            Call(primary, 30.0),
        ),
        (a_failure(LONG), Call(primary, 300.0)),
        (a_failure(FULL, 2, 2), None),
        (a_failure(FULL, 2, 1), Call(primary, 60.0)),
        (a_failure(EXTERNAL, context=TO_PAYMENTS), Call(primary)),
        (a_failure(EXTERNAL, 2, 2, context=TO_PAYMENTS, guarded=True), None),
        (a_failure(EXTERNAL), None),
        (a_failure(Rejected("payments", 3.0), context=TO_PAYMENTS), None),
    ],
)
def test_decisions(failure: Failure, expected: Call | None) -> None:
    """7.2 7.3 7.4 7.5 What follows which failure, after how long."""
    name_and_strategy = found(failure.error, DEFAULTS)
    assert name_and_strategy is not None

    assert name_and_strategy[1](failure) == expected


def test_each_replica_is_found() -> None:
    """7.3 The draw decides which replica is asked."""
    copies = tuple(partial(str, n) for n in range(3))
    context = a_context(is_read=True, replicas=copies)
    calls = [
        DEFAULTS[DatabaseError](a_failure(DB, context=context, u=u)) for u in (0.0, 0.4, 0.99, 1.0)
    ]

    assert [call.operation() for call in calls if call] == ["0", "1", "2", "2"]


class OurError(ConnectionError):
    """A class of the user's own."""


def test_the_own_class_comes_first() -> None:
    """7.1 A strategy of the error's class or base comes before that of its kind."""
    own = backing_off(Backoff())
    table = {**DEFAULTS, OurError: own}

    assert found(OurError(), table) == ("OurError", own)
    assert found(ConnectionError(), table) == ("NetworkError", DEFAULTS[NetworkError])
    assert found(ConnectionError(), {**DEFAULTS, OSError: give_up}) == ("OSError", give_up)


def test_unknown_errors_have_no_strategy() -> None:
    """7.6 A bug is not retried."""
    assert found(KeyError("x"), DEFAULTS) is None
