"""The aggregate stage: frames in; closed windows, corrections and ticks out, each exactly once.

Its state: open windows come back by reading frames again from the committed offset, the clocks by
the clock record in ``aggregate.state``. Both are committed with the windows they belong to.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

import msgspec

from pipeline.aggregate.engine import Engine
from pipeline.aggregate.settings import AggregateSettings
from pipeline.frames.codec import decode
from pipeline.model.aggregate_state import ClockRecord
from pipeline.model.stage import Hold, Note, Output, Record, Sent, Source, Unreadable
from pipeline.model.window import OutcomeWindow, Tick, WindowRecord

FRAMES: Final = "frames"
WINDOWS: Final = "windows"
STATE: Final = "aggregate.state"

_encoder = msgspec.json.Encoder()
_state_decoder = msgspec.json.Decoder(ClockRecord)


class AggregateStage:
    """Frames become windows; ``partitions`` is the count of events.raw and events.novel."""

    def __init__(self, *, settings: AggregateSettings, partitions: int) -> None:
        self._settings = settings
        self._partitions = partitions
        self._records: dict[int, ClockRecord] = {}
        self._engines: dict[int, Engine] = {}
        self._changed: set[int] = set()
        self._unreadable = 0

    def recall(self, record: Record) -> None:
        """Take the clock record of a partition; the last readable one counts."""
        try:
            clock = _state_decoder.decode(record.value or b"")
        except msgspec.MsgspecError:
            self._unreadable += 1
        else:
            self._records[clock.partition] = clock

    def assign(self, positions: dict[Source, int]) -> None:
        """Begin at these offsets."""
        self._engines = {
            source.partition: Engine(
                settings=self._settings,
                partition=source.partition,
                sources=self._partitions,
                position=position,
                record=self._records.get(source.partition),
            )
            for source, position in positions.items()
            if source.topic == FRAMES
        }

    def feed(self, record: Record, now: datetime) -> Iterator[Output]:  # noqa: ARG002  event time
        """Yield the windows that a frame closes or corrects; raises Unreadable."""
        engine = self._engines[record.partition]
        self._changed.add(record.partition)
        try:
            frame = decode(record.value)
        except Unreadable:
            if engine.skip(record.offset):
                raise
            return iter(())
        found = engine.feed(frame, record.offset, record.timestamp_ms)
        return (
            output if isinstance(output, Note) else _sent(output, record.partition)
            for output in found
        )

    def tick(
        self,
        now: datetime,  # noqa: ARG002  the clock is in the log
        caught_up: Collection[Source],  # noqa: ARG002  the same
    ) -> Iterator[Output]:
        """Yield the clock records of the partitions that moved, and what is to be committed."""
        if self._unreadable:
            yield Note("state_unreadable", n=self._unreadable, level="error")
            self._unreadable = 0
        for partition in sorted(self._changed):
            value = _encoder.encode(self._engines[partition].record())
            yield Sent(STATE, value, str(partition).encode(), partition)
        self._changed.clear()
        for partition, engine in self._engines.items():
            yield Hold(Source(FRAMES, partition), engine.hold())


def _sent(record: WindowRecord, partition: int) -> Sent:
    """Return the message of a record: the partition of its frames, so that a series stays whole."""
    return Sent(WINDOWS, _encoder.encode(record), _key(record), partition)


def _key(record: WindowRecord) -> bytes | None:
    """Return service NUL environment; a tick belongs to all series."""
    if isinstance(record, Tick):
        return None
    environment = "" if isinstance(record, OutcomeWindow) else record.environment
    return f"{record.service}\0{environment}".encode()
