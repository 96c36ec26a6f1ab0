"""Users are counted by hashes."""

from pipeline.frames.users import user_hash


def test_a_user_is_one_stable_number() -> None:
    """The hash of a user id is the same in every process and fits in 64 bits."""
    assert user_hash("ada") == 1_562_989_052_550_317_351
    assert user_hash("\ud800") < 2**64


def test_no_user_is_zero() -> None:
    """An empty id counts nobody."""
    assert user_hash("") == 0
