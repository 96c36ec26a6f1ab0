"""The windows of one partition of ``frames``: two clocks, late rows, empty windows, numbers.

``state.next_offset`` divides the log. Frames below it have been counted before the last restart:
they only fill windows that are still open again. Frames from it on are new.
"""

from collections.abc import Iterator
from typing import Final

from pipeline.aggregate.clock import Series, sources_of
from pipeline.aggregate.clock import record_of as clock_record
from pipeline.aggregate.settings import AggregateSettings
from pipeline.aggregate.sums import Closing, key_of, record_of, time_of
from pipeline.aggregate.watermark import Watermarks
from pipeline.aggregate.window import Rows, Windows
from pipeline.model.aggregate_state import ClockRecord
from pipeline.model.frame import Frame, GroupRow, Row, ServiceRow
from pipeline.model.stage import Note
from pipeline.model.window import Tick, WindowRecord

_DAY_MS: Final = 86_400_000


class Engine:
    """What happens to one partition of ``frames``."""

    def __init__(
        self,
        *,
        settings: AggregateSettings,
        partition: int,
        sources: int,
        position: int,
        record: ClockRecord | None,
    ) -> None:
        self._window_ms = settings.window_s * 1000
        self._grace_ms = settings.grace_s * 1000
        self._series_ms = settings.series_s * 1000
        self._settings = settings
        self._partition = partition
        self._watermarks = Watermarks(expected=sources, idle_ms=settings.idle_s * 1000)
        self._series: Series = {}
        self._number = 0
        self._position = position
        # What retention took before it was read is reported by the shell; it is no replay.
        self._next_offset = max(position, record.next_offset if record else 0)
        closed = (record.closed_ms, record.group_closed_ms) if record else (0, 0)
        self._services, self._groups = (
            Windows(window_ms=self._window_ms, closed_ms=ms) for ms in closed
        )
        if record:
            self._restore(record)

    def feed(self, frame: Frame, offset: int, at_ms: int) -> Iterator[WindowRecord | Note]:
        """Yield what follows from one frame."""
        self._position = offset + 1
        if offset < self._next_offset:
            for row in frame.rows:
                self._home(row).add(row, offset)
            return
        self._next_offset = offset + 1
        yield from self._late([r for r in frame.rows if not self._home(r).add(r, offset)], offset)
        yield from self._watermarks.hear(frame, at_ms)
        yield from self._close_services()
        yield from self._close_groups()

    def skip(self, offset: int) -> bool:
        """Pass an unreadable frame; False if it was passed before the last restart already."""
        self._position = offset + 1
        if offset < self._next_offset:
            return False
        self._next_offset = offset + 1
        return True

    def hold(self) -> int:
        """Return the offset to commit: what feeds an open window is needed again."""
        feeding = (self._services.oldest(), self._groups.oldest())
        return min([self._position, *(offset for offset in feeding if offset is not None)])

    def record(self) -> ClockRecord:
        """Return the clock record as of the last frame."""
        return clock_record(
            self._watermarks,
            self._series,
            partition=self._partition,
            next_offset=self._next_offset,
            closed_ms=self._services.closed_ms,
            group_closed_ms=self._groups.closed_ms,
            number=self._number,
        )

    def _restore(self, record: ClockRecord) -> None:
        """Take back what the clock record holds."""
        self._watermarks.restore(sources_of(record), record.last_frame_ms)
        self._series = {(p, s, e): seen for p, s, e, seen in record.series}
        self._number = record.number

    def _home(self, row: Row) -> Windows:
        """Return the windows whose clock a row follows."""
        return self._groups if isinstance(row, GroupRow) else self._services

    def _late(self, rows: list[Row], offset: int) -> Iterator[WindowRecord | Note]:
        """Yield one correction per key with the difference alone."""
        if not rows:
            return
        late = Windows(window_ms=self._window_ms, closed_ms=0)
        for row in rows:
            late.add(row, offset)
        for start, sums in late.close(max(row.bucket_ms for row in rows) + self._window_ms, 0):
            for row in sums.values():
                as_of = self._as_of(self._home(row))
                yield self._record(row, start, as_of, seq=offset + 1, partial=False)
                if isinstance(row, ServiceRow):
                    yield from self._see(row, start)
        yield Note("late_rows", n=len(rows))

    def _close_services(self) -> Iterator[WindowRecord | Note]:
        """Yield the windows of services, hosts and accounting that are over, each with a tick."""
        clock_ms = self._watermarks.service_ms()
        windows = self._services
        reach = windows.reach(clock_ms - self._grace_ms) if clock_ms else 0
        if reach <= windows.closed_ms:
            return
        partial = self._watermarks.is_partial("raw")
        as_of = max(clock_ms, reach + self._grace_ms)
        for start, rows in windows.close(reach, _DAY_MS):
            yield from self._see_all(rows, start)
            self._fill(rows, start)
            for key in sorted(rows):
                yield self._record(rows[key], start, as_of, seq=0, partial=partial)
            yield self._tick(start + self._window_ms, as_of)

    def _close_groups(self) -> Iterator[WindowRecord]:
        """Yield the windows of groups that are over."""
        clock_ms = self._watermarks.group_ms()
        windows = self._groups
        reach = windows.reach(clock_ms - self._grace_ms) if clock_ms else 0
        if reach <= windows.closed_ms:
            return
        partial = self._watermarks.is_partial("raw", "novel")
        as_of = max(clock_ms, reach + self._grace_ms)
        for start, rows in windows.close(reach, 0):
            for key in sorted(rows):
                yield self._record(rows[key], start, as_of, seq=0, partial=partial)

    def _as_of(self, windows: Windows) -> int:
        """Return the clock of a late row; a source that woke up cannot set it back."""
        group = windows is self._groups
        clock_ms = self._watermarks.group_ms() if group else self._watermarks.service_ms()
        return max(clock_ms, windows.closed_ms + self._grace_ms)

    def _see_all(self, rows: Rows, start: int) -> Iterator[Note]:
        """Remember the series of a window that closes."""
        for row in rows.values():
            if isinstance(row, ServiceRow):
                yield from self._see(row, start)

    def _see(self, row: ServiceRow, start: int) -> Iterator[Note]:
        """Remember when a series was seen last, as far as there is room."""
        key = (row.project, row.service, row.environment)
        seen = self._series.get(key)
        if seen is None and len(self._series) >= self._settings.series_limit:
            yield Note("series_refused")
        else:
            self._series[key] = max(start, seen or 0)

    def _fill(self, rows: Rows, start: int) -> None:
        """Give each series of the last day an empty row where it has none; forget older ones."""
        for series, seen in list(self._series.items()):
            if seen < start - self._series_ms:
                del self._series[series]
            elif seen < start:
                row = ServiceRow(*series, start)
                rows.setdefault(key_of(row), row)

    def _record(self, row: Row, start: int, as_of: int, *, seq: int, partial: bool) -> WindowRecord:
        """Return the next record of the partition."""
        window_s = self._settings.window_s
        number = self._next_number()
        return record_of(
            row, Closing(start, window_s, number, as_of, seq, partial, self._partition)
        )

    def _tick(self, end: int, as_of: int) -> Tick:
        """Return the record that tells the stages behind how late it is."""
        return Tick(
            number=self._next_number(),
            as_of=time_of(as_of),
            window_end=time_of(end),
            window_s=self._settings.window_s,
        )

    def _next_number(self) -> int:
        """Count the records of the partition."""
        self._number += 1
        return self._number
