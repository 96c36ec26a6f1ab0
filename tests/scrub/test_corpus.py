"""Secrets planted in every position, and strings that must stay as they are."""

from typing import Any

import orjson
import pytest

from pipeline.scrub.gate import plan_of
from pipeline.scrub.keys import is_secret_key
from pipeline.scrub.walk import Scrubber, scrub
from tests.scrub.cases import strings
from tests.scrub.corpus import (
    BENIGN,
    CANARY,
    HARMLESS_KEYS,
    PAIRS,
    PLACES,
    SECRET_KEYS,
    VALUES,
    Place,
    Planted,
)


def gated(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as ``process`` scrubs it: by the plan that its bytes give."""
    return Scrubber(plan_of(orjson.dumps(event))).event(event)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_value_leaks(place: Place) -> None:
    """2.20 A secret that is known by its looks is readable in no position."""
    leaked = [
        planted.text
        for planted in VALUES
        if any(planted.secret in text for text in strings(gated(place(planted.text))))
    ]

    assert leaked == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_pair_leaks(place: Place) -> None:
    """2.20 The value beside a secret name is readable in no position."""
    leaked = [
        planted.text
        for planted in PAIRS
        if any(planted.secret in text for text in strings(gated(place(planted.text))))
    ]

    assert leaked == []


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_secret_keys(key: str) -> None:
    """2.20 A text, list or object under a secret key goes, in any case style and any depth."""
    for value in (CANARY, [CANARY], {"x": CANARY}, {"deep": [{"er": CANARY}]}):
        for event in (
            {"message": "m", "extra": {key: value}},
            {"message": "m", "request": {"headers": [[key, value]]}},
            {"message": "m", "extra": {"x": orjson.dumps({"a": {key: value}}).decode()}},
            {"message": "m", "contexts": {"a": [{"b": {key: value}}]}},
            {"message": "m", key: value},
        ):
            assert CANARY not in orjson.dumps(gated(event)).decode()


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_numbers_and_booleans_stay(key: str) -> None:
    """2.20 Numbers, booleans and null under a secret key stay."""
    event = {"message": "m", "extra": {key: 7, "a": {key: True}, "b": {key: None}, "c": {key: ""}}}

    assert gated(event) == event


@pytest.mark.parametrize("key", HARMLESS_KEYS)
def test_harmless_keys(key: str) -> None:
    """Names that merely contain such a word keep their values."""
    event = {"message": "m", "extra": {key: "plain"}}

    assert not is_secret_key(key)
    assert gated(event) is event


def test_harmless_strings_stay() -> None:
    """S2 At most 2 % of harmless strings are altered."""
    altered = [line for line in BENIGN if scrub(line) != line]

    assert len(altered) <= len(BENIGN) * 0.02, altered


def test_harmless_events_are_passed_at_a_glance() -> None:
    """An event without secrets is the same object afterwards, in every position."""
    for line in BENIGN:
        if scrub(line) == line:
            for place in PLACES.values():
                event = place(line)
                assert gated(event) == event


@pytest.mark.parametrize("planted", [*VALUES, *PAIRS], ids=lambda planted: planted.text[:30])
def test_the_gate_agrees_with_the_walk(planted: Planted) -> None:
    """What the full walk removes, the plan made from the bytes removes too."""
    for text in (planted.text, f"x\n{planted.text}", f"\t{planted.text}\n", f'"{planted.text}"'):
        event = {"message": text, "extra": {"a": [text]}}

        assert gated(event) == Scrubber().event(event)


@pytest.mark.parametrize("planted", VALUES, ids=lambda planted: planted.text[:30])
def test_line_ends_in_json_in_a_text_hide_nothing(planted: Planted) -> None:
    """A secret at the beginning of a line is found in JSON inside JSON, too."""
    inner = orjson.dumps({"y": f"first\n{planted.text}\tlast"}).decode()
    event = {"message": "m", "extra": {"x": inner, "z": f"[{inner}] said"}}

    assert planted.secret not in str(gated(event))


def test_escapes_hide_nothing() -> None:
    """A key written with JSON escapes is found all the same."""
    raw = b'{"message": "m", "extra": {"pass\\u0077ord": "%b", "u": "https:\\/\\/a:pw9@b"}}'
    raw %= CANARY.encode()
    clean = Scrubber(plan_of(raw)).event(orjson.loads(raw))

    assert clean["extra"] == {"password": "[REDACTED]", "u": "https://a:[password]@b"}
