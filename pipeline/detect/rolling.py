"""Sums over rolling windows, moved by adding the new bucket and subtracting the old.

Buckets of W serve the windows up to an hour. Longer windows move by whole hours: they hold the
open hour and every closed hour that still touches them, so they are up to an hour longer than
their name. Sums are integers, so what was added can be subtracted without a rest, and a ring that
was rebuilt from its rows equals the one that went on.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from pipeline.model.metric import WINDOWS_S

HOUR_S: Final = 3600
DAY_S: Final = WINDOWS_S[-1]
POINTS: Final = 60

Size = Literal["bucket", "hour"]


class Sums(msgspec.Struct, array_like=True, gc=False):
    """What is added up since ``since_s``; ``number`` is the record of ``windows`` that wrote it."""

    number: int
    since_s: int
    values: tuple[int, ...]
    latency: dict[int, int] = {}


class Row(NamedTuple):
    """One change of a ring's rows; None deletes."""

    size: Size
    start_s: int
    value: bytes | None


class Total:
    """The sums of one rolling window."""

    __slots__ = ("latency", "starts", "values")

    def __init__(self, width: int) -> None:
        self.values = [0] * width
        self.latency: dict[int, int] = {}
        self.starts: deque[int] = deque()

    def add(self, sums: Sums) -> None:
        """Add a bucket."""
        values, latency = self.values, self.latency
        for n, value in enumerate(sums.values):
            values[n] += value
        for k, count in sums.latency.items():
            latency[k] = latency.get(k, 0) + count

    def subtract(self, sums: Sums) -> None:
        """Take a bucket out again."""
        values, latency = self.values, self.latency
        for n, value in enumerate(sums.values):
            values[n] -= value
        for k, count in sums.latency.items():
            rest = latency[k] - count
            if rest:
                latency[k] = rest
            else:
                del latency[k]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Sums).decode


class Ring:
    """All rolling windows of one thing that is summed: a series, or one of its hosts."""

    def __init__(self, *, window_s: int, width: int) -> None:
        self.totals = {span: Total(width) for span in WINDOWS_S}
        self._width = width
        self._keep_s = max(HOUR_S, POINTS * window_s)
        self._rows: dict[Size, dict[int, bytes]] = {"bucket": {}, "hour": {}}
        self._open: deque[int] = deque()
        self._since: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._rows["bucket"] or self._rows["hour"])

    def __contains__(self, start_s: int) -> bool:
        return start_s in self._rows["bucket"]

    def load(self, rows: Iterable[Row]) -> None:
        """Take back the rows of a ring, in any order, and rebuild the sums."""
        for size, start, value in sorted(rows, key=lambda row: row.start_s):
            if value is not None:
                self._rows[size][start] = value
        hours = self._rows["hour"]
        for start, value in hours.items():
            sums = _decode(value)
            self._since[start] = sums.since_s
            for span in WINDOWS_S:
                if span > HOUR_S:
                    self.totals[span].add(sums)
                    self.totals[span].starts.append(start)
        for start, value in self._rows["bucket"].items():
            self._include(start, _decode(value), is_open=start - start % HOUR_S not in hours)

    def add(self, start_s: int, sums: Sums) -> Row:
        """Add a bucket that is not there yet; return its row."""
        value = self._rows["bucket"][start_s] = _encode(sums)
        self._include(start_s, sums, is_open=True)
        return Row("bucket", start_s, value)

    def advance(self, end_s: int, number: int) -> Iterator[Row]:
        """Move every window to this end; yield the rows that were made or are of no more use."""
        yield from self._close_hours(end_s, number)
        for span, total in self.totals.items():
            size: Size = "hour" if span > HOUR_S else "bucket"
            length = HOUR_S if span > HOUR_S else 1
            while total.starts and total.starts[0] + length <= end_s - span:
                total.subtract(_decode(self._rows[size][total.starts.popleft()]))
        yield from self._delete("bucket", end_s - self._keep_s)
        yield from self._delete("hour", end_s - DAY_S - HOUR_S + 1)

    def covered_s(self, span: int, end_s: int) -> int:
        """Return how much time the sums of a window stand for."""
        starts = self.totals[span].starts
        if span <= HOUR_S:
            return end_s - starts[0] if starts else 0
        if starts:
            return end_s - self._since[starts[0]]
        return end_s - self._open[0] if self._open else 0

    def buckets(self) -> Iterator[tuple[int, Sums]]:
        """Yield the buckets, oldest first."""
        return ((start, _decode(value)) for start, value in self._rows["bucket"].items())

    def _include(self, start: int, sums: Sums, *, is_open: bool) -> None:
        """Add a bucket to the windows it belongs to; one of a closed hour is in that already."""
        if is_open:
            self._open.append(start)
        for span, total in self.totals.items():
            if span <= HOUR_S:
                total.add(sums)
                total.starts.append(start)
            elif is_open:
                total.add(sums)

    def _close_hours(self, end_s: int, number: int) -> Iterator[Row]:
        """Yield a row for each hour that is over."""
        while self._open and (hour := self._open[0] - self._open[0] % HOUR_S) + HOUR_S <= end_s:
            total = Total(self._width)
            since = self._since[hour] = self._open[0]
            while self._open and self._open[0] < hour + HOUR_S:
                total.add(_decode(self._rows["bucket"][self._open.popleft()]))
            value = _encode(Sums(number, since, tuple(total.values), total.latency))
            self._rows["hour"][hour] = value
            for span in WINDOWS_S:
                if span > HOUR_S:
                    self.totals[span].starts.append(hour)
            yield Row("hour", hour, value)

    def _delete(self, size: Size, before_s: int) -> Iterator[Row]:
        """Yield the deletion of each row that begins before this time."""
        rows = self._rows[size]
        while rows and (start := next(iter(rows))) < before_s:
            del rows[start]
            if size == "hour":
                del self._since[start]
            yield Row(size, start, None)
