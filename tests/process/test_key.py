"""The canonical key and its fingerprint."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.model.group import CanonicalKey
from pipeline.process.key import canonical_key, fingerprint_of

GOLDEN = Path(__file__).parents[1] / "golden" / "fingerprints.json"
ROOT = Path(__file__).parents[2]
# What is fingerprinted: (service, type, frames, message, client's fingerprint).
CASES = (
    ("shop", "ValueError", ("charge@pay.py", "pay@pay.py"), "amount -3", None),
    ("shop", "", (), "payment gateway timed out after 1532 ms", None),
    ("shop", "TimeoutError", (), "payment gateway timed out after 9 ms", None),
    ("shop", "KeyError", ("get@cart.py",), "'x'", ["{{ default }}", "tenant-7"]),
    ("shop", "KeyError", ("get@cart.py",), "'x'", ["checkout", 7]),
    ("магазин", "Ошибка", (), "не найдено 17", None),
    ("shop", "", (), "!!!", None),
)


def fingerprints() -> list[str]:
    """Return the fingerprint of each case."""
    return [fingerprint_of("default", canonical_key(*case)) for case in CASES]


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_fingerprints_are_golden(seed: str) -> None:
    """5.2 Fingerprints equal the golden ones under any hash seed: a change is a data migration."""
    code = "from tests.process.test_key import fingerprints; print(*fingerprints())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.split() == json.loads(GOLDEN.read_text())["1"] == fingerprints()


def test_a_stack_beats_the_message() -> None:
    """With a usable stack the message does not contribute."""
    one = canonical_key("shop", "E", ("f@a.py",), "first text")
    other = canonical_key("shop", "E", ("f@a.py",), "another one")

    assert one == other == CanonicalKey("shop", "E", "stack", ("f@a.py",))


def test_a_stack_without_a_type_is_grouped_by_message() -> None:
    """A message that was captured with a stack is grouped by its words."""
    assert canonical_key("shop", "", ("f@a.py",), "disk full").kind == "message"


def test_a_client_fingerprint_has_one_owner() -> None:
    """A plain client fingerprint has no type, so that one owner sees all of it."""
    key = canonical_key("shop", "E", ("f@a.py",), "x", ["checkout", 7, None])

    assert key == CanonicalKey("shop", "", "client", ("checkout", "7"))


@pytest.mark.parametrize("default", ["{{ default }}", "{{default}}", "{{  default  }}"])
def test_default_refines(default: str) -> None:
    """The other values beside ``{{ default }}`` refine the key of the event."""
    key = canonical_key("shop", "E", ("f@a.py",), "x", ["eu", default])

    assert key == CanonicalKey("shop", "E", "stack", ("f@a.py",), ("eu",))


def test_a_message_without_a_word_has_a_key() -> None:
    """A key is never empty: signs alone stand for themselves."""
    assert canonical_key("shop", "", (), "!!!").parts == ("!!!",)
    assert canonical_key("shop", "E", (), "").parts == ("(no message)",)


def test_project_service_and_type_part() -> None:
    """Equal words of another project, service or type are another fingerprint."""
    key = canonical_key("shop", "E", (), "disk full")
    found = {
        fingerprint_of("a", key),
        fingerprint_of("b", key),
        fingerprint_of("a", canonical_key("cart", "E", (), "disk full")),
        fingerprint_of("a", canonical_key("shop", "F", (), "disk full")),
    }

    assert len(found) == 4
    assert all(len(fp) == 16 and int(fp, 16) >= 0 for fp in found)
