"""What the shell wants of Kafka, as Protocols; ``io/kafka.py`` and ``io/memory.py`` are it.

Exceptions::

    BrokerError
    ├── Aborted       the transaction was aborted or its outcome is unknown: build the stage anew
    ├── Away          no broker answers: pause and try again
    └── Fenced        another instance took over: end this process
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from pipeline.model.stage import Record, Sent, Source


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


class Consumer(Protocol):
    """One member of a consumer group; never commits by itself, reads committed records only."""

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return what has arrived, at most ``max_records``; raises Away, Fenced."""

    def assignment(self) -> frozenset[Source]:
        """Return the partitions this member owns now."""

    def generation(self) -> int:
        """Return a number that grows with each change of the assignment."""

    def position(self, source: Source) -> int:
        """Return the next offset to be read: markers of transactions take offsets too."""

    def caught_up(self) -> frozenset[Source]:
        """Return the partitions read to their last stable offset."""

    def committed(self, sources: Collection[Source]) -> dict[Source, Committed]:
        """Return the group's committed positions; raises Away."""

    def commit(self, offsets: Mapping[Source, Committed]) -> None:
        """Commit positions with metadata, synchronously; raises Aborted if no longer owned."""

    def bounds(self, source: Source) -> tuple[int, int]:
        """Return the low and the high watermark of a partition; raises Away."""

    def seek(self, source: Source, offset: int) -> None:
        """Go on reading at this offset."""

    def pause(self, sources: Collection[Source]) -> None:
        """Stop fetching these partitions; the member stays in its group."""

    def resume(self, sources: Collection[Source]) -> None:
        """Fetch these partitions again."""

    def close(self, *, leave: bool = False) -> None:
        """End; a static member keeps its partitions for the session timeout unless it leaves."""


class Producer(Protocol):
    """A transactional producer."""

    def begin(self) -> None:
        """Start a transaction."""

    def send(self, message: Sent) -> None:
        """Add a message to the transaction; waits while the local queue is full."""

    def commit(self, offsets: Mapping[Source, int], consumer: Consumer | None) -> None:
        """Commit messages and the consumer's offsets together; raises Aborted, Fenced, Away."""

    def abort(self) -> None:
        """Give the transaction up."""

    def close(self) -> None:
        """End."""


class PlainProducer(Protocol):
    """An idempotent producer without transactions."""

    def send(self, message: Sent, done: Callable[[str | None], None]) -> None:
        """Queue a message; ``done`` gets None or the error once the broker has answered."""

    def flush(self, timeout_s: float) -> int:
        """Wait for answers; return how many messages are still without one."""


class Broker(Protocol):
    """A way to a Kafka cluster."""

    def consumer(self, group: str, instance: str, topics: Collection[str]) -> Consumer:
        """Join a group as a static member."""

    def producer(self, transactional_id: str) -> Producer:
        """Take over the identity, settling what its last holder left open."""

    def plain_producer(self) -> PlainProducer:
        """Return a producer that waits for all replicas."""

    def partitions(self, topic: str) -> int:
        """Return the partition count; raises Away, KeyError for an unknown topic."""

    def read(self, sources: Iterable[Source], since: Mapping[Source, int]) -> Iterator[Record]:
        """Read committed records from ``since`` (or the beginning) to the present end, then stop.

        ``since`` may hold a negative number n for "the last n records". Raises Away.
        """
