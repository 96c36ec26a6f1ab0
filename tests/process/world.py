"""A small world around process: partitions that move, crashes, a registry, and a ledger of its own.

What is committed is what a transaction would have made visible: rows, frames, state, offsets. A
crash throws a stage and its last batch away; the next owner of a partition recalls what it may.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson

from pipeline.frames.codec import decode
from pipeline.group.settings import GroupSettings
from pipeline.group.stage import GroupStage
from pipeline.model.frame import GroupRow, OutcomeRow, ServiceRow
from pipeline.model.grouped import Grouped
from pipeline.model.stage import Output, Record, Sent, Source
from pipeline.process.settings import ProcessSettings
from pipeline.process.stage import ProcessStage
from tests.build import AT, AT_MS

PARTITIONS = 2
LATER = AT + timedelta(hours=3)


class World:
    """The topics, and whoever owns their partitions."""

    def __init__(self, **settings: Any) -> None:
        self.settings = ProcessSettings(**settings)
        self.rows: list[Grouped] = []
        self.outcomes: Counter[str] = Counter()
        self.errors = 0
        self.by_group: Counter[str] = Counter()
        self.raw: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        self.told: dict[tuple[str, int, bytes | None], Record] = {}
        self._committed = [0] * PARTITIONS
        self._novel: Counter[int] = Counter()
        self._owner = dict.fromkeys(range(PARTITIONS), 0)
        self._stages: dict[int, ProcessStage] = {}
        self._group = GroupStage(
            settings=GroupSettings(), window_s=60, partitions=PARTITIONS, n_raw=PARTITIONS
        )
        self._group.assign({Source("events.novel", p): 0 for p in range(PARTITIONS)})

    def publish(self, event: dict[str, Any], at_ms: int, partition: int = 0) -> None:
        """Append an event, received so many milliseconds after the start."""
        log = self.raw[partition]
        value = orjson.dumps(event)
        log.append(Record("events.raw", partition, len(log), AT_MS + at_ms, None, value))

    def work(self, worker: int, most: int, *, crash: bool = False) -> None:
        """Let a worker read up to so many records of each of its partitions, and commit."""
        stage = self._stages.get(worker) or self._started(worker)
        owned = [p for p, owner in self._owner.items() if owner == worker]
        batch = [
            r for p in owned for r in self.raw[p][self._committed[p] : self._committed[p] + most]
        ]
        outputs = [output for record in batch for output in stage.feed(record, AT)]
        outputs += stage.tick(AT, ())
        if crash:
            self._stages.pop(worker)
            return
        for record in batch:
            self._committed[record.partition] = record.offset + 1
        self._commit(outputs)

    def move(self, partition: int, worker: int) -> None:
        """Give a partition to a worker; whoever owned some is built anew."""
        self._owner[partition] = worker
        self._stages.clear()

    def drain(self) -> None:
        """Read everything to its end, and let the silence after it pass."""
        for worker in set(self._owner.values()):
            self.work(worker, 1_000_000)
            owned = {Source("events.raw", p) for p, o in self._owner.items() if o == worker}
            self._commit(self._stages[worker].tick(LATER, owned))

    def state(self) -> list[Record]:
        """Return what stands in the state topic by now."""
        return [r for r in self.told.values() if r.topic == "process.state" and r.value is not None]

    def weights(self) -> dict[tuple[str, str, str], float]:
        """Return the sum of the rows' weights by message, environment and level."""
        found: dict[tuple[str, str, str], float] = defaultdict(float)
        for row in self.rows:
            found[row.message, row.environment, row.level] += row.sample_weight
        return dict(found)

    def _started(self, worker: int) -> ProcessStage:
        """Return a stage that has recalled what a worker recalls."""
        stage = ProcessStage(settings=self.settings, window_s=60, partitions=PARTITIONS)
        owned = {p for p, owner in self._owner.items() if owner == worker}
        for record in self.told.values():
            if record.topic == "groups" or record.partition in owned:
                stage.recall(record)
        for partition in owned:
            for record in self.raw[partition][: self._committed[partition]]:
                stage.recall(record)
        stage.assign({Source("events.raw", p): self._committed[p] for p in owned})
        self._stages[worker] = stage
        return stage

    def _commit(self, outputs: Iterable[Output]) -> None:
        """Make a batch visible, and let the owner of the groups answer at once."""
        for sent in outputs:
            if isinstance(sent, Sent):
                self._written(sent)
        for sent in self._group.tick(AT, ()):
            if isinstance(sent, Sent):
                self._written(sent)

    def _written(self, sent: Sent) -> None:
        """Take one message."""
        if sent.topic == "events.novel" and not sent.headers:
            assert sent.partition is not None
            offset = self._novel[sent.partition]
            self._novel[sent.partition] += 1
            record = Record(
                sent.topic, sent.partition, offset, AT_MS, sent.key, sent.value, sent.headers
            )
            for answer in self._group.feed(record, AT):
                assert isinstance(answer, Sent)
                self._written(answer)
        elif sent.topic == "events.grouped":
            self.rows.append(msgspec.json.decode(sent.value or b"", type=Grouped))
        elif sent.topic == "frames":
            self._framed(sent.value)
        elif sent.topic in {"groups", "process.state"}:
            record = Record(sent.topic, sent.partition or 0, 0, AT_MS, sent.key, sent.value)
            self.told[sent.topic, record.partition, sent.key] = record
            if sent.topic == "groups":
                for stage in self._stages.values():
                    stage.recall(record)

    def _framed(self, value: bytes | None) -> None:
        """Add up what a frame counts."""
        for row in decode(value).rows:
            if isinstance(row, OutcomeRow):
                self.outcomes[row.outcome] += row.n
            elif isinstance(row, ServiceRow):
                self.errors += row.error + row.fatal + row.warning
            elif isinstance(row, GroupRow):
                self.by_group[row.group_id] += row.n


def seconds(moment: datetime) -> float:
    """Return how long after the start a moment is."""
    return (moment - AT).total_seconds()
