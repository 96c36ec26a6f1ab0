"""Brings a stage's state back before its first record: compacted topics, and older input."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from pipeline.io.broker import Broker, Follower, Start
from pipeline.model.stage import Source, Stage


class Work(Protocol):
    """What the loop needs to know about a stage; a ``Row`` of topology.py is one."""

    @property
    def name(self) -> str:
        """The stage's name, in metrics, groups and dead letters."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The input topics."""

    @property
    def writes(self) -> tuple[str, ...]:
        """The output topics."""

    @property
    def recalls(self) -> tuple[str, ...]:
        """The compacted topics that carry the state."""

    @property
    def own(self) -> tuple[str, ...]:
        """Those of which only the assigned partitions matter."""

    @property
    def reads_back(self) -> bool:
        """Whether the input below the committed offset is recalled, too."""


class Horizon(BaseModel):
    """How far the input is read back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: int = Field(default=600, description="before the last committed record's time")
    records: int = Field(default=1_000_000, description="at most, per partition")


def recall(
    work: Work,
    stage: Stage,
    broker: Broker,
    starts: Mapping[Source, Start],
    horizon: Horizon,
    now: datetime,
) -> int:
    """Hand the stage its state; return the number of records."""
    n = sum(_recall_topic(work, topic, stage, broker, starts) for topic in work.recalls)
    if work.reads_back:
        n += _read_back(stage, broker, starts, horizon, now)
    return n


class Following:
    """Goes on reading the state that other stages write, while the worker runs.

    A registry that is only read at the start would send every event of a newer group to its owner
    for ever.
    """

    def __init__(self, work: Work, broker: Broker) -> None:
        self._topics = [t for t in work.recalls if t not in work.writes and t not in work.own]
        self._broker = broker
        self._follower: Follower | None = None

    def begin(self) -> None:
        """Start at the present end; before the recall, so that none is missed, some come twice."""
        self.close()
        sources = [Source(t, p) for t in self._topics for p in range(self._broker.partitions(t))]
        if sources:
            self._follower = self._broker.follow(self._broker.ends(sources))

    def feed(self, stage: Stage) -> None:
        """Hand the stage what has arrived since."""
        if self._follower is not None:
            for record in self._follower.poll(0.0):
                stage.recall(record)

    def close(self) -> None:
        """End."""
        if self._follower is not None:
            self._follower.close()
            self._follower = None


def _recall_topic(
    work: Work, topic: str, stage: Stage, broker: Broker, starts: Mapping[Source, Start]
) -> int:
    """Read one compacted topic to its end.

    A topic that this stage writes is read to its high watermark: the transaction of a member that
    has just lost a partition may still be settling there. Another stage's topic may be stale.
    """
    numbers = range(broker.partitions(topic))
    if topic in work.own:
        numbers_owned = {source.partition for source in starts}
        sources = [Source(topic, p) for p in numbers if p in numbers_owned]
    else:
        sources = [Source(topic, p) for p in numbers]
    until = broker.ends(sources) if topic in work.writes else None
    n = 0
    for record in broker.read(sources, {}, until):
        stage.recall(record)
        n += 1
    return n


def _read_back(
    stage: Stage,
    broker: Broker,
    starts: Mapping[Source, Start],
    horizon: Horizon,
    now: datetime,
) -> int:
    """Read the input below the committed offsets, as far as the horizon reaches."""
    until = {source: start.offset for source, start in starts.items()}
    since = {s: _since(broker, s, start, horizon, now) for s, start in starts.items()}
    wanted = [source for source in starts if since[source] < until[source]]
    n = 0
    for record in broker.read(wanted, since, until):
        stage.recall(record)
        n += 1
    return n


def _since(broker: Broker, source: Source, start: Start, horizon: Horizon, now: datetime) -> int:
    """Return the first offset within the horizon.

    The time of the last record stands in the commit's metadata: after a long stop the horizon is
    counted from there, not from now.
    """
    last_ms = int(start.metadata) if start.metadata.isdigit() else int(now.timestamp() * 1000)
    by_time = broker.offset_at(source, last_ms - horizon.seconds * 1000)
    return max(by_time, start.offset - horizon.records, 0)
