"""S1 No pattern of the package can be made to stand still by a text made for it."""

import json
import re
import subprocess
import sys
import time
from typing import Any

from tests.process.compiled import Compiled
from tests.process.pumping import pumped

LENGTHS = (20, 64, 160, 512, 2048, 8192)
QUICK_S = 0.004  # what a linear look at 8 KB stays below, and a quadratic one does not

# They read the statements of whoever may write SQL here anyway.
TRUSTED = ("pipeline.store.guard.", "pipeline.store.insert.")


def ways(found: Compiled, text: str | bytes, pattern: re.Pattern[Any]) -> None:
    """Look at a text in each way that the package uses the pattern."""
    anchored = {"match", "fullmatch"}
    for method in anchored & {*found.methods}:
        getattr(pattern, method)(text)
    if not found.methods:
        pattern.fullmatch(text)
    if not found.methods or {*found.methods} - anchored:
        for _ in pattern.finditer(text):
            pass


def cost(found: Compiled, text: str, pattern: re.Pattern[Any], tries: int = 1) -> float:
    """Return the least CPU seconds of a few tries."""
    given = text.encode("latin-1", "replace") if found.is_bytes else text
    least = float("inf")
    for _ in range(tries):
        began = time.process_time()
        ways(found, given, pattern)
        least = min(least, time.process_time() - began)
        if least < QUICK_S:
            break
    return least


def complaint(found: Compiled) -> str:
    """Return with which text a pattern needs more than twice the time at twice the length.

    Lengths grow step by step, so that even an exponential one is found while it still ends.
    """
    pattern = found.compiled()
    for length in LENGTHS:
        for n, text in enumerate(pumped(pattern, length)):
            if cost(found, text, pattern) < QUICK_S or cost(found, text, pattern, 3) < QUICK_S:
                continue
            if length < 200:
                return f"{found.place}: slow at {length} characters, {text!r}"
            twice = next(t for m, t in enumerate(pumped(pattern, 2 * length)) if m == n)
            once, more = (cost(found, given, pattern, 5) for given in (text, twice))
            if more > 2.8 * once:
                return f"{found.place}: {once * 1e3:.1f} -> {more * 1e3:.1f} ms, {text[:60]!r}"
    return ""


def test_every_pattern_is_linear() -> None:
    """S1 Twice the length costs each compiled pattern about twice the time, whatever is pumped."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.process.compiled"], check=True, capture_output=True, text=True
    )
    found = [Compiled(*json.loads(line)) for line in said.stdout.splitlines()]

    assert len(found) > 100
    asked = [one for one in found if not one.place.startswith(TRUSTED)]
    assert [told for told in map(complaint, asked) if told] == []


def test_what_backtracks_is_found() -> None:
    """The pumped texts find what stands still: nested, overlapping and unanchored repeats."""
    for source in (r"(a+)+$", r"(?:a|a)*b", r"\s+$", r"<[^>]*>"):
        assert complaint(Compiled(source, source, 32, is_bytes=False, methods=("search",)))


def test_what_is_linear_passes() -> None:
    """Bounded and anchored repeats pass."""
    for source in (r"[a-z]{1,40}@", r"\d+(?:\.\d+)*", r"(?<!\w)\w{1,64}="):
        assert complaint(Compiled(source, source, 32, is_bytes=False, methods=("search",))) == ""
