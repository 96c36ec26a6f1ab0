"""Brings a stage's state back before its first record: compacted topics, and older input."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from pipeline.io.broker import Broker, Start
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
