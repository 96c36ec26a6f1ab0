"""What a stage is: a pure object that turns records into messages, notes and holds.

The shell (``io/loop.py`` and its kin) calls, in this order:

1. ``recall`` for each record of the topics that carry the stage's state, read to their end;
2. per micro-batch ``feed`` for each record, then ``tick`` once (also for an empty batch);
3. everything that ``feed`` and ``tick`` yielded is committed with the batch's offsets in one
   transaction. If the transaction is aborted the shell throws the stage away, builds a new one
   and starts again at 1: a stage never has to undo anything.

Exceptions that carry flow::

    StageError
    ├── Unreadable   this record can never be read: dead-letter it, go on with the next
    └── Busy         a dependency is away: pause, try the same record again
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

import msgspec

Headers = tuple[tuple[str, bytes], ...]


class Source(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Record(msgspec.Struct, frozen=True, gc=False):
    """A message as it was read from Kafka; ``timestamp_ms`` is the broker's or the producer's."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    def header(self, name: str) -> bytes | None:
        """Return the value of the first header of this name, or None."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def source(self) -> Source:
        """The partition the record came from."""
        return Source(self.topic, self.partition)


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A message to be written to Kafka; without a partition the key's murmur2 hash decides."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: Headers = ()


class Note(msgspec.Struct, frozen=True, gc=False):
    """A fact that the shell turns into one counter (``io/metrics.py``) and, if asked, a log line.

    ``labels`` must be the labels of the counter named ``name``; ``log`` carries what a log line
    needs and a label may not hold (ids, texts).
    """

    name: str
    labels: dict[str, str] = {}
    n: int = 1
    level: Literal["", "info", "warning", "error"] = ""
    log: dict[str, str | int | float] = {}


class Hold(msgspec.Struct, frozen=True, gc=False):
    """Commit this offset for the partition instead of the position reached by the batch."""

    source: Source
    offset: int


Output = Sent | Note | Hold


class StageError(Exception):
    """Base of the two exceptions that carry flow."""


class Unreadable(StageError):
    """A record that can never be read; ``reason`` is a label, the text tells people what to do.

    Raised by ``feed`` before it yields anything. The shell writes the original bytes to
    ``dead-letters`` and goes on.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Busy(StageError):
    """A dependency is away; the shell pauses and offers the same work again."""


class Stage(Protocol):
    """A pure state machine over records; time comes in as an argument."""

    def recall(self, record: Record) -> None:
        """Take one record of the stage's own state; never raises for a readable state topic."""

    def assign(self, positions: dict[Source, int]) -> None:
        """Learn the partitions and the first offsets that will be fed; called after recall."""

    def feed(self, record: Record, now: datetime) -> Iterable[Output]:
        """Return what follows from one record; raises Unreadable or Busy."""

    def tick(self, now: datetime, caught_up: Collection[Source]) -> Iterable[Output]:
        """Return what follows at the end of a micro-batch.

        ``caught_up`` names the assigned partitions that have been read to their last stable
        offset.
        """
