"""Logarithmic buckets know every duration to 1 %."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.frames.sketch import bucket_of, value_of


@given(st.floats(min_value=0.001, max_value=2_592_000_000))
def test_a_bucket_stands_for_its_durations(ms: float) -> None:
    """6.1 The value of a bucket is at most 1 % off for any duration in it."""
    assert abs(value_of(bucket_of(ms)) - ms) <= 0.01 * ms + 1e-9


@given(st.floats(allow_nan=False, allow_infinity=True))
def test_any_number_has_a_bucket(ms: float) -> None:
    """Zero, negative and endless durations fall in the outermost buckets."""
    assert bucket_of(0.0) <= bucket_of(ms) <= bucket_of(float("inf"))


def test_one_millisecond_is_bucket_zero() -> None:
    """The formula k = ceil(ln ms / ln 1.02) holds at its origin."""
    assert [bucket_of(1), bucket_of(1.01), bucket_of(100)] == [0, 1, 233]
