"""Messages that differ in one word: when enough groups do, the word becomes a wildcard.

Each message is known by its *holes*: for each constant word the hash of all other tokens and of
the word's position. A hole that K groups share is promoted: they are one group from then on.

The hash is a polynomial over stable 64-bit hashes of the tokens, so that all holes of a message
cost one pass; it never leaves the process.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from pipeline.model.group import WILDCARD

# A wildcard needs this many constant words beside it, or it would swallow short messages.
OTHERS: Final = 3

_BASE: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1
_HOLE: Final = 0xD6E8FEB86659FD93
_POWERS: Final = tuple(pow(_BASE, i + 1, 1 << 64) for i in range(64))


class Hole(NamedTuple):
    """A position of a constant word, and the hash of the message without it."""

    position: int
    hash: int


@lru_cache(maxsize=200_000)
def _number(token: str) -> int:
    """Return a token's stable 64-bit hash."""
    return int.from_bytes(blake2b(token.encode(errors="replace"), digest_size=8).digest(), "big")


def holes_of(tokens: Sequence[str], refine: Sequence[str]) -> list[Hole]:
    """Return the holes of a message; none if too few words would be left beside one."""
    constant = [i for i, token in enumerate(tokens[: len(_POWERS)]) if token != WILDCARD]
    if len(constant) <= OTHERS:
        return []
    numbers = [_number(token) for token in tokens]
    terms = [number * power for number, power in zip(numbers, _POWERS, strict=False)]
    whole = sum(terms) + (_number("\0".join(refine)) if refine else 0)
    return [Hole(i, (whole - terms[i] + _HOLE * _POWERS[i]) & _MASK) for i in constant]


class Siblings:
    """Which groups were seen under each hole, and which holes are wildcards.

    Groups are numbers in the order of their founding; ``root`` follows merges.
    """

    def __init__(self, k: int, root: Callable[[int], int]) -> None:
        self._k = k
        self._root = root
        # Most holes are seen once: a bare number there saves a third of a group's memory.
        self._seen: dict[int, int | tuple[int, ...]] = {}
        self._promoted: dict[int, int] = {}

    def promoted(self, holes: Sequence[Hole]) -> int | None:
        """Return the group of the first hole that is a wildcard."""
        if not self._promoted:
            return None
        for hole in holes:
            group = self._promoted.get(hole.hash)
            if group is not None:
                return group
        return None

    def due(self, holes: Sequence[Hole], group: int) -> Iterator[int]:
        """Yield the positions at which this group would be the K-th."""
        for position, key in holes:
            seen = self._under(key)
            if len(seen) >= self._k - 1 and len(self._roots(seen, group)) >= self._k:
                yield position

    def add(self, holes: Sequence[Hole], group: int) -> None:
        """Remember the group under each hole that is no wildcard yet."""
        for _, key in holes:
            seen = self._under(key)
            if group in seen or key in self._promoted:
                continue
            if not seen:
                self._seen[key] = group
            elif len(seen) >= self._k:
                self._seen[key] = tuple(sorted(self._roots(seen, group)))
            else:
                self._seen[key] = (*seen, group)

    def oldest(self, holes: Sequence[Hole], positions: Sequence[int]) -> int:
        """Return the oldest group seen under the holes at these positions."""
        return min(
            self._root(number)
            for position, key in holes
            if position in positions
            for number in self._under(key)
        )

    def promote(self, holes: Sequence[Hole], positions: Sequence[int], group: int) -> set[int]:
        """Make wildcards of these positions; return the groups that are one now."""
        joined = {self._root(group)}
        keys = [key for position, key in holes if position in positions]
        for key in keys:
            joined |= self._roots(self._under(key), group)
            self._seen.pop(key, None)
        self._promoted.update(dict.fromkeys(keys, min(joined)))
        return joined

    def _under(self, key: int) -> tuple[int, ...]:
        """Return the groups seen under a hole."""
        seen = self._seen.get(key, ())
        return (seen,) if isinstance(seen, int) else seen

    def _roots(self, seen: tuple[int, ...], group: int) -> set[int]:
        """Return the distinct groups that these are by now."""
        return {self._root(number) for number in (*seen, group)}
