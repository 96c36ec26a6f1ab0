"""Findings that are known already: a file that is committed beside the code.

A finding is known by its rule, file, function and lines, not by its line's number. Two equal ones
in a function are one entry with a count: a third is new.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec

from pipeline.analysis.facts import Unparsable
from pipeline.analysis.findings import Finding


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry; ``rule``, ``file`` and ``function`` are there for people."""

    key: str
    rule: str
    file: str
    function: str = ""
    count: int = 1


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    version: Literal[1]
    findings: list[Known]


def written(found: Iterable[Finding]) -> str:
    """Return the baseline that knows these findings, in an order that merges well."""
    counts = Counter((one.file, one.rule, one.function, one.key) for one in found)
    known = [
        Known(key, rule, file, function, count)
        for (file, rule, function, key), count in sorted(counts.items())
    ]
    body = msgspec.json.encode(Baseline(1, known))
    return msgspec.json.format(body, indent=2).decode() + "\n"


def read(body: bytes) -> Counter[str]:
    """Return how often each finding is known; raises Unparsable."""
    try:
        baseline = msgspec.json.decode(body, type=Baseline)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unparsable(f"no baseline: {error}") from error
    known: Counter[str] = Counter()
    for one in baseline.findings:
        known[one.key] += one.count
    return known


def unknown(found: Iterable[Finding], known: Counter[str]) -> list[Finding]:
    """Return the findings beyond those that are known."""
    left = known.copy()
    new = []
    for one in found:
        if left[one.key] > 0:
            left[one.key] -= 1
        else:
            new.append(one)
    return new
