"""Where a novel key looks for groups that are like it: one small bucket, never all groups.

Stacks meet stacks with the same top frame, messages those with about as many tokens and the same
first constant word. A bucket keeps its newest entries.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

from pipeline.model.group import WILDCARD

Entry = TypeVar("Entry", str, tuple[str, ...])


class Bucket(Generic[Entry]):
    """Candidates and their groups, oldest first."""

    __slots__ = ("entries", "groups")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.groups: list[int] = []

    def add(self, entry: Entry, group: int, cap: int) -> None:
        """Append a candidate; the oldest goes when the bucket is full."""
        self.entries.append(entry)
        self.groups.append(group)
        if len(self.entries) > cap:
            del self.entries[0], self.groups[0]


class Index(Generic[Entry]):
    """Buckets by what their entries have in common."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._buckets: dict[tuple[str, ...], Bucket[Entry]] = {}

    def get(self, key: tuple[str, ...]) -> Bucket[Entry] | None:
        """Return the bucket, if anything is in it."""
        return self._buckets.get(key)

    def add(self, key: tuple[str, ...], entry: Entry, group: int) -> None:
        """Put an entry in its bucket."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket()
        bucket.add(entry, group, self._cap)


def first_word(tokens: Sequence[str]) -> str:
    """Return the first constant word of a message."""
    return next((token for token in tokens if token != WILDCARD), "")
