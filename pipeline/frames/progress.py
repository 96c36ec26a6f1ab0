"""How far each partition of a stage's input has come: offsets, watermarks, heartbeats, marks.

The watermark of a source is max(min(event time, broker time)) and never goes back. One clock an
hour fast must not close the windows of all others, so it never runs ahead of the broker.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from pipeline.model.frame import Sources
from pipeline.model.novel import Mark
from pipeline.model.stage import Record, Sent, Unreadable

MARK: Final = "mark"
MARK_TOPIC: Final = "events.novel"
BEHIND_MS: Final = 10_000
MARK_MS: Final = 1_000

_mark_decoder = msgspec.json.Decoder(Mark)


class _Source(msgspec.Struct):
    """One partition: what was read since the last frame, and how far it is known."""

    first: int = -1
    next: int = 0
    watermark: int = 0
    told_ms: int | None = None


class Progress:
    """Where a stage stands in its input; 0 is the watermark of what is not known yet."""

    def __init__(self, heartbeat_s: float) -> None:
        self._heartbeat_ms = int(heartbeat_s * 1000)
        self._sources: dict[int, _Source] = {}
        self._passed: dict[int, dict[int, int]] = {}
        self._marked: dict[int, int] = {}
        self._marked_ms: int | None = None

    def read(self, source: int, offset: int, watermark_ms: int = 0) -> None:
        """Take note of a record; without a watermark (an unreadable one) only the offset counts."""
        state = self._sources.get(source)
        if state is None:
            state = self._sources[source] = _Source()
        if state.first < 0:
            state.first = offset
        state.next = offset + 1
        state.watermark = max(state.watermark, watermark_ms)

    def pass_on(self, source: int, mark: Mark, n_raw: int) -> None:
        """Take a mark: the source is as far as the slowest of the ``n_raw`` partitions before it.

        Until each has been heard of, nothing is known.
        """
        passed = self._passed.setdefault(source, {})
        for raw, watermark in mark.watermarks.items():
            passed[raw] = max(watermark, passed.get(raw, 0))
        known = [passed.get(raw, 0) for raw in range(n_raw)]
        state = self._sources.setdefault(source, _Source())
        state.watermark = max(state.watermark, min(known))

    def beat(self, now_ms: int, caught_up: Collection[int]) -> list[int]:
        """Return the sources that are caught up and were silent for a heartbeat, moved on."""
        due = []
        for source in caught_up:
            state = self._sources.setdefault(source, _Source())
            silent = state.first < 0
            if silent and (state.told_ms is None or now_ms - state.told_ms >= self._heartbeat_ms):
                state.watermark = max(state.watermark, now_ms - BEHIND_MS)
                due.append(source)
        return due

    def take(self, now_ms: int, beats: Collection[int]) -> Sources:
        """Return what is to be told of the sources that were read or beat, and begin anew.

        Nothing read is written as [next, next - 1].
        """
        told: Sources = {}
        for source, state in self._sources.items():
            if state.first < 0 and source not in beats:
                continue
            first = state.first if state.first >= 0 else state.next
            told[source] = (first, state.next - 1, state.watermark)
            state.first = -1
            state.told_ms = now_ms
        return told

    def marks(self, now_ms: int, partitions: int) -> list[Sent]:
        """Return a mark for each partition of ``events.novel``, at most once a second.

        They are to be sent behind the novel events of the same transaction. Where no watermark
        moved there is nothing to tell; a heartbeat moves one.
        """
        known = {source: state.watermark for source, state in self._sources.items()}
        recent = self._marked_ms is not None and now_ms - self._marked_ms < MARK_MS
        if recent or known == self._marked:
            return []
        self._marked, self._marked_ms = known, now_ms
        value = msgspec.json.encode(Mark(watermarks=known))
        headers = ((MARK, b"1"),)
        return [
            Sent(topic=MARK_TOPIC, value=value, partition=partition, headers=headers)
            for partition in range(partitions)
        ]


def is_mark(record: Record) -> bool:
    """Tell marks from events."""
    return bool(record.headers) and record.header(MARK) is not None


def read_mark(value: bytes | None) -> Mark:
    """Return the mark; raises Unreadable."""
    try:
        return _mark_decoder.decode(value or b"")
    except msgspec.MsgspecError as error:
        raise Unreadable("mark_broken", f"not a mark: {error}") from error


def clamp(event_ms: int, broker_ms: int, *, past_ms: int, future_ms: int) -> int:
    """Return the event time that counts: not before the past limit, not beyond the future one."""
    return min(max(event_ms, broker_ms - past_ms), broker_ms + future_ms)
