"""The detect stage without an engine of tables: it keeps its rows in the changelog topic itself.

So ``io/loop.py`` can run it, rows, messages and offsets in one transaction.
"""

from collections.abc import Collection, Iterator
from datetime import datetime

from pipeline.detect.settings import DetectSettings
from pipeline.detect.stage import WINDOWS, DetectStage
from pipeline.detect.table import CHANGELOG
from pipeline.model.stage import Output, Record, Sent, Source


class LoggedDetectStage:
    """A stage of ``io/loop.py``; it recalls ``CHANGELOG`` and writes to it."""

    def __init__(self, *, settings: DetectSettings) -> None:
        self._stage = DetectStage(settings=settings)
        self._rows: dict[bytes, bytes] = {}
        self._pending: list[Sent] = []

    def recall(self, record: Record) -> None:
        """Take a row; the last value of a key counts, no value deletes."""
        if record.key is None:
            return
        if record.value is None:
            self._rows.pop(record.key, None)
        else:
            self._rows[record.key] = record.value

    def assign(self, positions: dict[Source, int]) -> None:
        """Own these partitions."""
        partitions = [source.partition for source in positions if source.topic == WINDOWS]
        self._stage.load(self._rows.items(), partitions)
        self._rows = {}

    def feed(self, record: Record, now: datetime) -> Iterator[Output]:  # noqa: ARG002  event time
        """Yield the messages, then the rows; raises Unreadable."""
        step = self._stage.feed(record.partition, record.value)
        rows = [Sent(CHANGELOG, v, k, record.partition) for k, v in step.writes.items()]
        if step.bad is not None:
            self._pending += rows
            raise step.bad
        return iter([*step.sent, *rows])

    def tick(
        self,
        now: datetime,  # noqa: ARG002  the clock is in the log
        caught_up: Collection[Source],  # noqa: ARG002  the same
    ) -> Iterator[Output]:
        """Yield the rows of records that could not be read."""
        pending, self._pending = self._pending, []
        return iter(pending)
