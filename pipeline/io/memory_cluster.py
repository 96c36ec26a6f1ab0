"""What the broker in memory keeps: logs, consumer groups and the holders of transactional ids."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Protocol

from pipeline.io.broker import Aborted, Committed
from pipeline.io.clock import Clock
from pipeline.model.partition import murmur2
from pipeline.model.stage import Record, Sent, Source

Fault = Literal["", "abort", "lost"]
Faults = Callable[[str, int], Fault]


def no_faults(_transactional_id: str, _n: int) -> Fault:
    """Let every commit pass."""
    return ""


class Member(Protocol):
    """A member of a consumer group."""

    def reassign(self) -> None:
        """Lose the partitions and get them back."""


class Log:
    """One partition: records by offset, None where a marker or an aborted record stands."""

    def __init__(self) -> None:
        self.entries: list[Record | None] = []
        self.low = 0

    @property
    def end(self) -> int:
        """The offset that the next record gets."""
        return len(self.entries)

    def read(self, since: int, until: int) -> Iterator[Record]:
        """Return the committed records of a range."""
        for entry in self.entries[max(since, self.low) : until]:
            if entry is not None:
                yield entry


class Group:
    """What the broker knows about one consumer group."""

    def __init__(self) -> None:
        self.committed: dict[Source, Committed] = {}
        self.member: Member | None = None


class Cluster:
    """What a broker keeps: logs, groups, who holds which transactional id."""

    def __init__(self, clock: Clock, faults: Faults = no_faults) -> None:
        self.faults = faults
        self._clock = clock
        self._topics: dict[str, list[Log]] = {}
        self._groups: dict[str, Group] = {}
        self.owners: dict[str, object] = {}
        self._commits: dict[str, int] = {}
        self._spread = 0

    def create(self, topic: str, partitions: int = 1) -> None:
        """Make a topic."""
        self._topics[topic] = [Log() for _ in range(partitions)]

    def log(self, source: Source) -> Log:
        """Return a partition; KeyError for an unknown one."""
        return self._topics[source.topic][source.partition]

    def group(self, name: str) -> Group:
        """Return a consumer group, made on first use."""
        return self._groups.setdefault(name, Group())

    def put(self, message: Sent, *, visible: bool = True) -> Source:
        """Append one message, outside of any transaction; return its partition."""
        source = Source(message.topic, self._partition(message))
        log = self.log(source)
        now_ms = int(self._clock.now().timestamp() * 1000)
        entry = Record(*source, log.end, now_ms, message.key, message.value, message.headers)
        log.entries.append(entry if visible else None)
        return source

    def trim(self, source: Source, low: int) -> None:
        """Delete all records below an offset, as retention does."""
        self.log(source).low = low

    def rebalance(self, group: str) -> None:
        """Take the partitions from the group's member and give them back."""
        member = self.group(group).member
        if member is not None:
            member.reassign()

    def partitions(self, topic: str) -> int:
        """Return the partition count; KeyError for an unknown topic."""
        return len(self._topics[topic])

    def settle(
        self,
        identity: str,
        sent: list[Sent],
        offsets: Mapping[Source, Committed],
        group: Group | None,
    ) -> None:
        """Commit a transaction, or what the planned fault makes of it."""
        n = self._commits[identity] = self._commits.get(identity, 0) + 1
        fault = self.faults(identity, n)
        touched = {self.put(message, visible=fault != "abort") for message in sent}
        for source in touched:
            self.log(source).entries.append(None)
        if fault != "abort" and group is not None:
            group.committed.update(offsets)
        if fault:
            raise Aborted(f"planned {fault} at commit {n} of {identity}")

    def discard(self, sent: list[Sent]) -> None:
        """Abort a transaction: its records and markers take their offsets, invisibly."""
        for source in {self.put(message, visible=False) for message in sent}:
            self.log(source).entries.append(None)

    def _partition(self, message: Sent) -> int:
        """Return the partition of a message as librdkafka's murmur2_random would."""
        if message.partition is not None:
            return message.partition
        if message.key is not None:
            return murmur2(message.key) % self.partitions(message.topic)
        self._spread += 1
        return self._spread % self.partitions(message.topic)
