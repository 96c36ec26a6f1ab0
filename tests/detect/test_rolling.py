"""Sums over rolling windows against the plain sum over the same buckets."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.rolling import DAY_S, HOUR_S, Ring, Row, Sums
from pipeline.model.metric import WINDOWS_S

START_S = 1_760_000_400 // HOUR_S * HOUR_S


class Book:
    """A ring, the rows it wrote, and every bucket it was ever given."""

    def __init__(self, window_s: int) -> None:
        self.window_s = window_s
        self.ring = Ring(window_s=window_s, width=2)
        self.rows: dict[tuple[str, int], Row] = {}
        self.given: dict[int, Sums] = {}

    def add(self, start_s: int, random: Random) -> None:
        """Add a random bucket."""
        values = (random.randrange(50), random.randrange(5))
        sums = Sums(1, start_s, values, {random.randrange(4): random.randrange(1, 9)})
        self.given[start_s] = sums
        self._write(self.ring.add(start_s, sums))

    def advance(self, end_s: int) -> None:
        """Move the windows on."""
        for row in self.ring.advance(end_s, 1):
            self._write(row)

    def rebuild(self) -> None:
        """Build the ring anew from its rows."""
        self.ring = Ring(window_s=self.window_s, width=2)
        self.ring.load(self.rows.values())

    def expected(self, span: int, end_s: int) -> tuple[list[int], dict[int, int]]:
        """Return the plain sum over the buckets of a window."""
        first = end_s - span if span <= HOUR_S else (end_s - span) // HOUR_S * HOUR_S
        values, latency = [0, 0], dict[int, int]()
        for start, sums in self.given.items():
            if start >= first:
                values = [a + b for a, b in zip(values, sums.values, strict=True)]
                for k, n in sums.latency.items():
                    latency[k] = latency.get(k, 0) + n
        return values, latency

    def _write(self, row: Row) -> None:
        """Write a row as a table does."""
        if row.value is None:
            del self.rows[row.size, row.start_s]
        else:
            self.rows[row.size, row.start_s] = row


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), window_s=st.sampled_from((60, 30)))
def test_every_window_holds_exactly_its_buckets(seed: int, window_s: int) -> None:
    """What is added and subtracted equals the plain sum, across hours, gaps and restarts."""
    random = Random(seed)
    book = Book(window_s)
    now = START_S
    for _ in range(180):
        if random.random() < 0.8:
            book.add(now, random)
        now += window_s * (1 if random.random() < 0.97 else random.randrange(1, 200))
        if random.random() < 0.05:
            book.rebuild()
        book.advance(now)

        for span in WINDOWS_S:
            total = book.ring.totals[span]
            assert book.expected(span, now) == (total.values, total.latency)


def test_rows_are_deleted_when_they_leave_the_longest_window() -> None:
    """6.7 A ring keeps an hour of buckets and a day of hours, then nothing."""
    random = Random(1)
    book = Book(60)
    for n in range(30 * 60):
        book.add(START_S + n * 60, random)
        book.advance(START_S + (n + 1) * 60)
    buckets, hours = ([r for r in book.rows.values() if r.size == s] for s in ("bucket", "hour"))

    assert (len(buckets), len(hours)) == (60, 24)

    book.advance(START_S + 30 * HOUR_S + DAY_S + HOUR_S)

    assert not book.ring
    assert book.rows == {}
