"""The walk: bounded, never changing what it is given."""

import copy
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scrub.gate import NOTHING, plan_of
from pipeline.scrub.walk import Scrubber, scrub

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_the_input_is_never_changed(value: Any) -> None:
    """2.20 The caller's object is untouched, and scrubbing twice changes nothing more."""
    before = copy.deepcopy(value)
    clean = scrub(value)

    assert value == before
    assert scrub(clean) == clean


def test_the_callers_secrets_stay_where_they_were() -> None:
    """2.20 A copy is made of what changes, the rest is shared."""
    event: dict[str, Any] = {"extra": {"password": "x1y2", "a": [1]}, "tags": {"b": "c"}}
    clean = Scrubber().event(event)

    assert event["extra"]["password"] == "x1y2"
    assert clean["extra"] == {"password": "[REDACTED]", "a": [1]}
    assert clean["tags"] is event["tags"]


def test_tuples_dates_and_strangers_survive() -> None:
    """2.20 Tuples stay tuples; dates, numbers and unknown objects stay as they are."""
    at, stranger = datetime(2026, 1, 1, tzinfo=UTC), object()
    value = {"token": "a", "t": ("x", {"secret": ("y",)}), "at": at, "n": 1.5, "o": stranger}

    assert scrub(value) == {
        "token": "[REDACTED]",
        "t": ("x", {"secret": "[REDACTED]"}),
        "at": at,
        "n": 1.5,
        "o": stranger,
    }


def test_cycles_end() -> None:
    """2.20 A structure that contains itself terminates."""
    value: dict[str, Any] = {"a": 1}
    value["self"] = [value]

    assert scrub(value) == {"a": 1, "self": ["[cycle]"]}


def test_depth_ends() -> None:
    """2.20 10,000 levels terminate."""
    value: Any = "x"
    for _ in range(10_000):
        value = {"a": value}

    assert "nested too deeply" in str(scrub(value))


def test_width_ends() -> None:
    """A graph whose paths double at each level terminates."""
    value: Any = ["x"]
    for _ in range(60):
        value = [value, value]

    assert scrub(value) is not None


def test_without_a_plan_nothing_is_looked_at() -> None:
    """The empty plan returns the event itself."""
    event = {"message": "password=x"}

    assert Scrubber(NOTHING).event(event) is event


def test_hits_are_counted_by_rule() -> None:
    """Each rule tells how often it removed something."""
    scrubber = Scrubber()
    scrubber.event({"message": "to a@b.io and pin=99x", "extra": {"token": "t"}})

    assert scrubber.hits == {"email": 1, "pair": 1, "key": 1}


def test_a_client_session_id_is_no_secret() -> None:
    """The contract's own ``session_id`` stays; one in ``extra`` goes."""
    event = {"session_id": "6dbc1b99c33d74482a98f8b11b8396fa", "extra": {"session_id": "abcd"}}

    assert Scrubber().event(event) == {
        "session_id": "6dbc1b99c33d74482a98f8b11b8396fa",
        "extra": {"session_id": "[REDACTED]"},
    }


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("postgres://app:pw@db/x", "postgres://app:[password]@db/x"),
        ("to bob@x.io", "to [email]"),
        ("Bearer 9f8e7d6c5b4a", "Bearer [token]"),
        ("/home/joan/x.py", "/home/[user]/x.py"),
        ("from 203.0.113.7:80", "from [ip]:80"),
        ("password=a1&next=/b", "password=[REDACTED]&next=/b"),
        ('{"pin": "1234"}', '{"pin":"[REDACTED]"}'),
    ],
)
def test_what_stands_in_its_place(text: str, clean: str) -> None:
    """A replacement says what it replaced and leaves the rest of the text."""
    assert scrub(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "private_key=-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\n-----END PRIVATE KEY-----",
        "api_key: -----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADAN",
    ],
)
def test_a_private_key_goes_whole_beside_its_name(text: str) -> None:
    """2.20 The name of a private key takes no part of it away from the rule for its body."""
    assert "MIIEvQIBADAN" not in scrub(text)
    assert "MIIEvQIBADAN" not in str(scrub({"extra": [text]}))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("4 of 4 4111 1111 1111 1111 refused", "4 of 4 [card] refused"),
        ("5 4111-1111-1111-1111", "5 [card]"),
        ("4 4111 1111 1111 1111 12/27 123", "4 [card] 12/27 123"),
        ("BE68 5390 0754 7034 EUR PAID", "[iban] EUR PAID"),
        ("4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("channels 1 2 3 4 5 6 7 8 9 10 11 12 13", "channels 1 2 3 4 5 6 7 8 9 10 11 12 13"),
    ],
)
def test_what_stands_beside_a_number_hides_it_not(text: str, clean: str) -> None:
    """2.20 The check digits are asked of the number itself, not of what stands beside it."""
    assert scrub(text) == clean


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ([{"value": "x1", "name": "password"}], [{"value": "[REDACTED]", "name": "password"}]),
        (["run", "--token", "x1", "-v"], ["run", "--token", "[REDACTED]", "-v"]),
        ("token=${TOKEN} password: ****", "token=${TOKEN} password: ****"),
        (r"f(password=u\"multi word\")", r"f(password=u\"[REDACTED]\")"),
        ("x['token'] = 'y1'", "x['token'] = '[REDACTED]'"),
        ("Key (api_token)=(abc) already exists", "Key (api_token)=([REDACTED]) already exists"),
        ("('username', 'password', 'email')", "('username', 'password', 'email')"),
        ("Your PIN is 4711.", "Your PIN is [REDACTED]."),
        ("Your PIN is 4711 or so", "Your PIN is [REDACTED] or so"),
        ("token sha256 unknown, session pool-3 full", "token sha256 unknown, session pool-3 full"),
    ],
)
def test_names_apart_from_their_values(value: object, clean: object) -> None:
    """2.20 A secret is found by its name in an entry, a list, a subscript and a sentence."""
    event = {"extra": {"x": value}}

    assert Scrubber(plan_of(orjson.dumps(event))).event(event) == {"extra": {"x": clean}}
    assert scrub(value) == clean
