"""What the shell wants of Kafka, as Protocols; ``io/kafka.py`` and ``io/memory.py`` are it.

Exceptions::

    BrokerError
    ├── Aborted       the transaction was aborted or its outcome is unknown: build the stage anew
    ├── Away          no broker answers: pause and try again
    └── Fenced        another instance took over: end this process
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple, Protocol

from pipeline.model.stage import Record, Sent, Source

BATCH_BYTES = 8 * 2**20


class BrokerError(Exception):
    """Base of what the broker can answer."""


class Aborted(BrokerError):
    """The transaction did not commit; what the stage has seen since is to be forgotten."""


class Away(BrokerError):
    """No broker answers; nothing was lost."""


class Fenced(BrokerError):
    """Another instance with this identity is alive; this process has to end."""


class Committed(NamedTuple):
    """A committed position; ``offset`` is None where nothing was committed."""

    offset: int | None
    metadata: str = ""


class Start(NamedTuple):
    """Where a partition is read from; ``gap`` is the range of offsets that nobody can read now."""

    offset: int
    gap: tuple[int, int] | None = None
    metadata: str = ""


def start_of(committed: Committed, low: int, high: int) -> Start:
    """Return where to start: the committed offset, or the low watermark and what is missing.

    A committed offset beyond the end means that the topic was made anew: what stood between it
    and the old end is unknown, so the gap is empty but named.
    """
    if committed.offset is None:
        return Start(low)
    if committed.offset < low:
        return Start(low, (committed.offset, low), committed.metadata)
    if committed.offset > high:
        return Start(low, (committed.offset, committed.offset), committed.metadata)
    return Start(committed.offset, None, committed.metadata)


class Consumer(Protocol):
    """One member of a consumer group; never commits by itself, reads committed records only."""

    def poll(
        self, max_records: int, timeout_s: float, max_bytes: int = BATCH_BYTES
    ) -> list[Record]:
        """Return what has arrived within the limits, nothing after a change of the assignment.

        Raises Away, Fenced.
        """

    def assignment(self) -> frozenset[Source]:
        """Return the partitions this member owns now."""

    def generation(self) -> int:
        """Return a number that grows with each change of the assignment; 0 before the first.

        After a change nothing arrives until ``rewind``.
        """

    def rewind(self) -> dict[Source, Start]:
        """Go to the committed position of every owned partition; raises Away.

        A position that retention has passed becomes the low watermark, with the gap.
        """

    def position(self, source: Source) -> int:
        """Return the next offset to be read: markers of transactions take offsets too."""

    def lag(self, source: Source) -> int:
        """Return how many offsets are known to lie ahead of the position."""

    def caught_up(self) -> frozenset[Source]:
        """Return the partitions read to their last stable offset."""

    def committed(self, sources: Collection[Source]) -> dict[Source, Committed]:
        """Return the group's committed positions; raises Away."""

    def commit(self, offsets: Mapping[Source, Committed]) -> None:
        """Commit positions with metadata, synchronously; raises Aborted if no longer owned."""

    def bounds(self, source: Source) -> tuple[int, int]:
        """Return the low watermark and the last stable offset of a partition; raises Away."""

    def seek(self, source: Source, offset: int) -> None:
        """Go on reading at this offset."""

    def pause(self, sources: Collection[Source]) -> None:
        """Stop fetching these partitions; the member stays in its group."""

    def resume(self, sources: Collection[Source]) -> None:
        """Fetch these partitions again."""

    def close(self) -> None:
        """End; a static member keeps its partitions for the session timeout."""


class Producer(Protocol):
    """A transactional producer."""

    def begin(self) -> None:
        """Start a transaction; raises Away, Fenced."""

    def send(self, message: Sent) -> None:
        """Add a message to the transaction; waits while the local queue is full.

        Raises Aborted, Fenced.
        """

    def commit(self, offsets: Mapping[Source, Committed], consumer: Consumer | None) -> None:
        """Commit messages and the consumer's offsets together.

        Raises Aborted, Fenced; after Aborted only ``abort`` may follow.
        """

    def abort(self) -> None:
        """Leave nothing open: give the transaction up, or settle one whose outcome is unknown.

        Raises Away, Fenced; does nothing if nothing is open.
        """

    def close(self) -> None:
        """End; an open transaction is given up."""


class PlainProducer(Protocol):
    """An idempotent producer without transactions."""

    def send(self, message: Sent, done: Callable[[str | None], None]) -> None:
        """Queue a message; ``done`` gets None or the error once the broker has answered.

        ``done`` is called on a thread of the producer's own. A full queue is an error at once.
        """

    def flush(self, timeout_s: float) -> int:
        """Wait for answers; return how many messages are still without one."""

    def close(self) -> None:
        """End, without waiting for answers."""


class Follower(Protocol):
    """Reads on from given offsets, outside any group; commits nothing."""

    def poll(self, timeout_s: float) -> list[Record]:
        """Return the committed records that have arrived within the time; raises Away."""

    def close(self) -> None:
        """End."""


class Broker(Protocol):
    """A way to a Kafka cluster."""

    def consumer(self, group: str, instance: str, topics: Collection[str]) -> Consumer:
        """Join a group as a static member."""

    def producer(self, transactional_id: str) -> Producer:
        """Take over the identity, settling what its last holder left open; raises Away."""

    def plain_producer(self) -> PlainProducer:
        """Return a producer that waits for all replicas."""

    def partitions(self, topic: str) -> int:
        """Return the partition count; raises Away, KeyError for an unknown topic."""

    def ends(self, sources: Collection[Source]) -> dict[Source, int]:
        """Return the high watermarks: open transactions included; raises Away."""

    def offset_at(self, source: Source, timestamp_ms: int) -> int:
        """Return the first offset not older than this time, or the end; raises Away."""

    def read(
        self,
        sources: Collection[Source],
        since: Mapping[Source, int],
        until: Mapping[Source, int] | None = None,
    ) -> Iterator[Record]:
        """Read committed records from ``since`` (or the beginning) to ``until``, then stop.

        A negative ``since`` means "the last n". A source without ``until`` is read to its present
        last stable offset; with it, transactions that are open before it are waited for.
        Raises Away.
        """

    def follow(self, since: Mapping[Source, int]) -> Follower:
        """Read on from these offsets for as long as it is polled."""
