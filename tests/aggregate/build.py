"""Frames, rows and a driver for tests of the aggregate stage."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pipeline.aggregate.settings import AggregateSettings
from pipeline.aggregate.stage import FRAMES, STATE, WINDOWS, AggregateStage
from pipeline.frames.codec import encode
from pipeline.model.aggregate_state import ClockRecord
from pipeline.model.frame import Frame, GroupRow, OutcomeRow, ResourceRow, Row, ServiceRow
from pipeline.model.stage import Hold, Note, Record, Sent, Source
from pipeline.model.window import Tick, WindowRecord
from tests.build import AT, AT_MS, a_record

W_MS = 60_000
PARTITION = 2
HOME = Source(FRAMES, PARTITION)
_windows = msgspec.json.Decoder(WindowRecord)
_clocks = msgspec.json.Decoder(ClockRecord)


def at(minutes: float) -> int:
    """Return a time in ms, in minutes after the start of the test's day."""
    return AT_MS + round(minutes * W_MS)


def a_service(minute: float = 0, *, service: str = "shop", **sums: Any) -> ServiceRow:
    """Return a service's row in the window of this minute."""
    return ServiceRow("default", service, "production", at(minute) // W_MS * W_MS, **sums)


def a_group(minute: float = 0, *, group_id: str = "a" * 16, n: int = 1, **more: Any) -> GroupRow:
    """Return a group's row in the window of this minute."""
    facts: dict[str, Any] = {"min_ts": at(minute), "max_ts": at(minute), "event_id": "e1", **more}
    bucket = at(minute) // W_MS * W_MS
    facts = {"title": "Boom", "unhandled": 0, **facts}
    return GroupRow("default", "shop", "production", bucket, group_id, n=n, **facts)


def a_resource(minute: float = 0, *, host: str = "h1", **sums: Any) -> ResourceRow:
    """Return a host's row in the window of this minute."""
    bucket = at(minute) // W_MS * W_MS
    return ResourceRow("default", "shop", "production", bucket, host, **sums)


def an_outcome(minute: float = 0, *, n: int = 1) -> OutcomeRow:
    """Return a statement of the accounting."""
    bucket = at(minute) // W_MS * W_MS
    return OutcomeRow("default", "shop", bucket, "error", "accepted", "", n)


def a_frame(
    *rows: Row,
    raw: float | Sequence[float] | None = None,
    novel: float | None = None,
    covers: tuple[int, int] = (0, -1),
) -> Frame:
    """Return a frame of process (``raw``: watermarks in minutes) or of group (``novel``)."""
    if novel is not None:
        return Frame(1, "group", 1, {0: (*covers, at(novel))}, list(rows))
    marks = [raw] if isinstance(raw, (int, float)) else list(raw or ())
    sources = {n: (*covers, at(minute)) for n, minute in enumerate(marks)}
    return Frame(1, "process", max(len(marks), 1), sources, list(rows))


def records(frames: Iterable[Frame], *, step_ms: int = 1000, first: int = 0) -> list[Record]:
    """Return the frames as the broker keeps them, one each ``step_ms``."""
    return [
        a_record(
            encode(frame),
            topic=FRAMES,
            partition=PARTITION,
            offset=first + n,
            timestamp_ms=AT_MS + (first + n) * step_ms,
        )
        for n, frame in enumerate(frames)
    ]


class Run:
    """An aggregate stage with the broker's side of its contract: commit, crash, begin again."""

    def __init__(self, *, partitions: int = 1, **settings: int) -> None:
        self.windows: list[WindowRecord] = []
        self.notes: list[Note] = []
        self.committed = 0
        self._settings = AggregateSettings(**settings)
        self._partitions = partitions
        self._state: bytes | None = None
        self.restart()

    def restart(self) -> None:
        """Build the stage anew from what was committed."""
        self.stage = AggregateStage(settings=self._settings, partitions=self._partitions)
        if self._state is not None:
            self.stage.recall(a_record(self._state, topic=STATE, partition=PARTITION))
        self.stage.assign({HOME: self.committed})

    def batch(self, log: Sequence[Record], *, crash: bool = False) -> None:
        """Feed a batch and commit it, or lose everything it made in a crash."""
        outputs = [output for record in log for output in self.stage.feed(record, AT)]
        outputs += self.stage.tick(AT, ())
        if crash:
            self.restart()
            return
        for output in outputs:
            if isinstance(output, Hold):
                self.committed = output.offset
            elif isinstance(output, Note):
                self.notes.append(output)
            elif output.topic == STATE:
                self._state = output.value
            else:
                assert (output.topic, output.partition) == (WINDOWS, PARTITION)
                self.windows.append(_windows.decode(output.value or b""))

    def clock(self) -> ClockRecord:
        """Return the clock record that was committed last."""
        return _clocks.decode(self._state or b"")

    def closed(self) -> list[WindowRecord]:
        """Return the records without ticks."""
        return [record for record in self.windows if not isinstance(record, Tick)]

    def ticks(self) -> list[Tick]:
        """Return the ticks alone."""
        return [record for record in self.windows if isinstance(record, Tick)]


def run(*frames: Frame, partitions: int = 1, **settings: int) -> Run:
    """Return a run over these frames in one batch."""
    done = Run(partitions=partitions, **settings)
    done.batch(records(frames))
    return done


def sent(outputs: Iterable[object]) -> list[Sent]:
    """Return the messages among a stage's outputs."""
    return [output for output in outputs if isinstance(output, Sent)]
