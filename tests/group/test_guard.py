"""5.7 Plain words are the meaning of a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.group.guard import is_plain, refuses

PLAIN = st.one_of(
    st.from_regex(r"[a-z']+", fullmatch=True),
    st.from_regex(r"[A-Z][a-z']+", fullmatch=True),
    st.from_regex(r"[A-Z]+", fullmatch=True),
)
FRAME = ["conn_7x", "to", "db-main", "was", "*"]


@given(PLAIN, st.integers(0, len(FRAME)))
def test_a_plain_word_on_either_side_refuses(word: str, place: int) -> None:
    """5.7 Whatever plain word is added, removed or exchanged, the messages stay apart."""
    other = [*FRAME[:place], word, *FRAME[place:]]

    assert refuses(FRAME, other)
    assert refuses(other, FRAME)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file opened by a.b", "file closed by a.b"),
        ("user is allowed", "user is not allowed"),
        ("permission denied read", "permission denied write"),
        ("does not exist", "does already exist"),
        ("cache MISS for x_y", "cache HIT for x_y"),
        ("Can't open", "Could open"),
    ],
)
def test_opposites_are_refused(one: str, other: str) -> None:
    """5.7 Negations and opposites differ in a plain word."""
    assert refuses(one.split(), other.split())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("table user_id is locked", "table order_id is locked"),
        ("loading libFoo ok", "loading libBar ok"),
        ("a b * c", "a b c"),
        ("same words", "same words"),
    ],
)
def test_names_may_differ(one: str, other: str) -> None:
    """Names with signs or mixed case and wildcards are no plain words."""
    assert not refuses(one.split(), other.split())


@pytest.mark.parametrize("token", ["user_id", "HttpClient", "utf-8", "a.b", "*", "x/y", "É", ""])
def test_what_is_not_plain(token: str) -> None:
    """A token is plain in full or not at all."""
    assert not is_plain(token)
