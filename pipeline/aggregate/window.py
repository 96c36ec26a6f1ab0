"""Open windows of one clock: rows go in, closed windows come out, each once.

A window [s, s + W) closes when the clock minus the grace passes s + W. ``closed_ms`` says up to
where that has happened: a row of a window that ends there or earlier is late.
"""

from collections.abc import Collection, Iterator

import msgspec

from pipeline.aggregate.sums import Key, add, key_of
from pipeline.model.frame import Row

Rows = dict[Key, Row]


class _Open(msgspec.Struct, gc=False):
    """A window that still takes rows; ``first`` is the offset of the first frame that fed it."""

    first: int
    rows: Rows


class Windows:
    """The open windows of one clock."""

    def __init__(self, *, window_ms: int, closed_ms: int) -> None:
        self.closed_ms = closed_ms
        self._window_ms = window_ms
        self._open: dict[int, _Open] = {}

    def add(self, row: Row, offset: int) -> bool:
        """Add a row to its window; False if that is closed already. The row is taken over."""
        start = row.bucket_ms - row.bucket_ms % self._window_ms
        if start + self._window_ms <= self.closed_ms:
            return False
        window = self._open.get(start)
        if window is None:
            window = self._open[start] = _Open(offset, {})
        key = key_of(row)
        known = window.rows.get(key)
        if known is None:
            window.rows[key] = row
        else:
            add(known, row)
        return True

    def oldest(self) -> int | None:
        """Return the offset of the oldest frame that feeds an open window."""
        return min((window.first for window in self._open.values()), default=None)

    def reach(self, up_to_ms: int) -> int:
        """Return up to where windows may close when the clock minus the grace is ``up_to_ms``."""
        return max(self.closed_ms, up_to_ms - up_to_ms % self._window_ms)

    def close(self, reach_ms: int, filled_ms: int) -> Iterator[tuple[int, Rows]]:
        """Yield start and rows of each window that ends by ``reach_ms``, oldest first.

        Windows without rows are yielded for the last ``filled_ms``; so a clock that jumps over a
        month does not bring a month of empty windows.
        """
        due = sorted(start for start in self._open if start + self._window_ms <= reach_ms)
        begin = self.closed_ms or min(due, default=reach_ms)
        filled = range(max(begin, reach_ms - filled_ms), reach_ms, self._window_ms)
        self.closed_ms = reach_ms
        for start in _merged(due, filled):
            window = self._open.pop(start, None)
            yield start, window.rows if window else {}


def _merged(due: Collection[int], filled: range) -> Collection[int]:
    """Return the starts of both in order; mostly one is all of the other."""
    return filled if all(start in filled for start in due) else sorted({*due, *filled})
