"""Toy stages whose output proves exactly once: each partition counts its records."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from pipeline.model.stage import Busy, Note, Output, Record, Sent, Source, Unreadable
from pipeline.topology import Row


class Tally:
    """Counts the records of each partition and writes 1, 2, 3 …; the count is its whole state."""

    def __init__(self, out: str, state: str, *, busy: set[bytes] | None = None) -> None:
        self._out = out
        self._state = state
        self._busy = busy or set()
        self.counts: dict[int, int] = {}
        self.recalled: list[Record] = []
        self.positions: dict[Source, int] = {}
        self.caught_up: Collection[Source] = ()

    def recall(self, record: Record) -> None:
        """Take a count, or a record of the input that is read back."""
        self.recalled.append(record)
        if record.topic == self._state:
            self.counts[record.partition] = int(record.value or b"0")

    def assign(self, positions: dict[Source, int]) -> None:
        """Note the positions."""
        self.positions = positions

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Count one record."""
        del now
        if record.value == b"bad":
            raise Unreadable("not_good", "the value is bad: send a good one")
        if record.value in self._busy:
            raise Busy("waiting for somebody")
        return self._count(record)

    def _count(self, record: Record) -> Iterator[Output]:
        """Write the next number of the partition."""
        n = self.counts[record.partition] = self.counts.get(record.partition, 0) + 1
        text = str(n).encode()
        yield Sent(self._out, record.value, text, record.partition)
        yield Sent(self._state, text, str(record.partition).encode(), record.partition)
        yield Note("outcomes", {"kind": "toy", "outcome": "counted"})

    def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
        """Remember who has caught up."""
        del now
        self.caught_up = caught_up
        return ()


def a_row(name: str, topic: str, out: str, state: str, *, reads_back: bool = False) -> Row:
    """Return the row of a toy stage."""
    return Row(
        name=name,
        engine="loop",
        reads=(topic,),
        writes=(out, state, "dead-letters"),
        recalls=(state,),
        own=(state,),
        reads_back=reads_back,
    )
