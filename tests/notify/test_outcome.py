"""What answers mean, when the next attempt is, and how fast a channel is sent to."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notify.bucket import Bucket
from pipeline.notify.exchange import Failure, Reply
from pipeline.notify.outcome import Outcome, of_http, of_smtp
from pipeline.notify.retry import backoff_s, chance, retry_after_s, wait_s
from tests.build import AT


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ("network", Outcome.RETRY),
        ("timeout", Outcome.RETRY),
        ("tls", Outcome.BROKEN),
        ("auth", Outcome.BROKEN),
        ("denied", Outcome.BROKEN),
    ],
)
def test_no_answer(failure: Failure, expected: Outcome) -> None:
    """A network that fails is tried again; a wrong certificate or address breaks the channel."""
    reply = Reply(failure=failure)

    assert of_http(reply) == of_smtp(reply) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (250, Outcome.SENT),
        (421, Outcome.RETRY),
        (451, Outcome.RETRY),
        (552, Outcome.REFUSED),
        (550, Outcome.REFUSED),
        (0, Outcome.RETRY),
    ],
)
def test_smtp_codes(code: int, expected: Outcome) -> None:
    """4.13 SMTP 4xx (greylisting) is tried again, 5xx is final."""
    assert of_smtp(Reply(status=code)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20", 20.0),
        (" 0 ", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:59:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 -0000", 30.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Tue, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(text: str, expected: float | None) -> None:
    """Retry-After is read as seconds and as a date; nonsense is ignored."""
    assert retry_after_s(Reply(headers={"retry-after": text}), AT) == expected


@given(st.text(max_size=40))
def test_any_retry_after_is_survived(text: str) -> None:
    """No header makes the answer unusable."""
    wait = retry_after_s(Reply(headers={"retry-after": text}), AT)

    assert wait is None or wait >= 0


def test_429_without_retry_after_waits_a_minute() -> None:
    """A channel that says too many, but not until when, is left alone for 60 s."""
    assert wait_s(Reply(status=429), 1, "id", AT) == 60


@given(st.integers(1, 5000), st.floats(0, 1))
def test_backoff_has_limits(attempt: int, u: float) -> None:
    """The wait between attempts lies between one second and five minutes."""
    assert 1 <= backoff_s(attempt, u) <= 300


def test_chance_differs_between_notices_and_stays() -> None:
    """Two notices that failed together are not tried again together; a replay waits the same."""
    waits = {chance(str(n), 1) for n in range(100)}

    assert len(waits) == 100
    assert chance("a", 1) == chance("a", 1) != chance("a", 2)


@given(st.lists(st.floats(0, 3), max_size=40))
def test_a_bucket_lets_one_message_a_second_pass(pauses: list[float]) -> None:
    """4.11 Whoever waits for its token sends at most one message a second."""
    bucket, now, sent = Bucket(1.0, 1.0, 1.0), AT, []
    for pause in pauses:
        now = bucket.free_at(now + timedelta(seconds=pause))
        bucket = bucket.taken(now)
        sent.append(now)
    gaps = [b - a for a, b in pairwise(sent)]

    assert all(gap >= timedelta(seconds=0.999) for gap in gaps)
