"""Minimal pairs: what must be one group and what must be two, from raw texts to ids."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.group.decision import History
from pipeline.group.settings import GroupSettings
from pipeline.process.key import canonical_key, fingerprint_of
from pipeline.process.stacks import parse
from pipeline.process.stacks.frame import key_frames

PAIRS: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("pairs.jsonl").read_text("utf-8").splitlines()
]
SPLITS = [
    ("AccessError", "user is allowed to access", "user is not allowed to access the resource"),
    ("AccessError", "permission denied: read", "permission denied: write"),
    ("DbError", "cannot insert NULL into column email", "cannot insert NULL into column phone"),
    ("KeyError", "'user_id'", "'order_id'"),
    ("DbError", "connection to primary refused", "connection to replica refused"),
]


def groups(error_type: str, *events: tuple[str, str]) -> set[str]:
    """Return the groups of events, each a message and the text of a stack."""
    history = History(GroupSettings())
    found = set()
    for message, stack in events:
        frames = key_frames(parse(stack).frames) if stack else ()
        key = canonical_key("shop", error_type, frames, message)
        found.add(history.decide(fingerprint_of("default", key), key).group_id)
    return found


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['kind']} {pair['msg_a'][:40]}")
def test_minimal_pairs(pair: dict[str, Any]) -> None:
    """5.6 5.7 Values may differ within a group, one constant word, type or top frame may not."""
    one, other = (pair["msg_a"], pair["stack_a"]), (pair["msg_b"], pair["stack_b"])
    expected = {"M": 1, "S": 2}[pair["kind"]]

    assert len(groups(pair["type"], one, other)) == expected
    assert len(groups(pair["type"], other, one)) == expected


@pytest.mark.parametrize(("error_type", "one", "other"), SPLITS)
def test_opposites_stay_apart(error_type: str, one: str, other: str) -> None:
    """5.7 Negations and plain words that differ never join."""
    assert len(groups(error_type, (one, ""), (other, ""))) == 2


def test_another_type_is_another_group() -> None:
    """5.6 The same message of another type is another key: a history belongs to one type."""
    one, other = (canonical_key("shop", kind, (), "boom") for kind in ("ValueError", "KeyError"))

    assert fingerprint_of("default", one) != fingerprint_of("default", other)
