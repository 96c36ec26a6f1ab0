"""What is known of the sources' progress: watermarks, silence, and the clocks they add up to.

Everything here is decided by what the frames say and when the broker took them, so that a replay
agrees. 0 is the watermark of a source that has not been heard of.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from pipeline.model.frame import Frame
from pipeline.model.stage import Note

Side = Literal["raw", "novel"]
SIDE: Final[dict[Literal["process", "group"], Side]] = {"process": "raw", "group": "novel"}
# A longer pause between frames means that nobody wrote; it tells nothing about one source.
_PAUSE_MS: Final = 10_000


class _Source(msgspec.Struct):
    """One partition of events.raw or events.novel."""

    watermark: int = 0
    quiet_ms: int = 0
    covered: int = -1


class Watermarks:
    """The sources as one partition of ``frames`` has heard of them.

    ``expected`` is how many partitions each side has until a frame says better.
    """

    def __init__(self, *, expected: int, idle_ms: int) -> None:
        self.last_ms = 0
        self._idle_ms = idle_ms
        self._sides: dict[Side, dict[int, _Source]] = {
            "raw": {n: _Source() for n in range(expected)},
            "novel": {n: _Source() for n in range(expected)},
        }

    def hear(self, frame: Frame, at_ms: int) -> list[Note]:
        """Take a frame's progress; ``at_ms`` is when the broker took it."""
        notes = self._grow_quiet(at_ms)
        side = SIDE[frame.stage]
        sources = self._sides[side]
        self._expect(sources, frame.n_sources)
        for number, (first, last, watermark) in frame.sources.items():
            source = sources.setdefault(number, _Source())
            if first <= last:
                if first <= source.covered:
                    notes.append(_overlap(side, number, first, source.covered))
                source.covered = max(source.covered, last)
            if source.quiet_ms > self._idle_ms:
                notes.append(_turned(side, number, "source_heard"))
            source.quiet_ms = 0
            source.watermark = max(source.watermark, watermark)
        return notes

    def service_ms(self) -> int:
        """Return the time up to which every live raw source is known; 0 while one is unknown."""
        return min(self._live("raw"), default=0)

    def group_ms(self) -> int:
        """Return the same for groups, which wait for events.novel too."""
        service = self.service_ms()
        return min(service, min(self._live("novel"), default=service))

    def is_partial(self, *sides: Side) -> bool:
        """Tell whether a silent source was left out of the clock of these sides."""
        return any(
            source.quiet_ms > self._idle_ms
            for side in sides
            for source in self._sides[side].values()
        )

    def state(self) -> dict[str, tuple[int, int, int]]:
        """Return watermark, quiet time and last offset covered by the name of the source."""
        return {
            f"{side}/{number}": (source.watermark, source.quiet_ms, source.covered)
            for side, sources in self._sides.items()
            for number, source in sources.items()
        }

    def restore(self, state: dict[str, tuple[int, int, int]], last_ms: int) -> None:
        """Take back what ``state`` returned."""
        self.last_ms = last_ms
        self._sides = {"raw": {}, "novel": {}}
        for name, values in state.items():
            side, _, number = name.partition("/")
            self._sides["raw" if side == "raw" else "novel"][int(number)] = _Source(*values)

    def _live(self, side: Side) -> Iterator[int]:
        """Yield the watermarks of the sources that were not silent for too long."""
        return (
            source.watermark
            for source in self._sides[side].values()
            if source.quiet_ms <= self._idle_ms
        )

    def _expect(self, sources: dict[int, _Source], n_sources: int) -> None:
        """Know the sources 0..n-1; a guess beyond them that was never heard of is dropped."""
        if len(sources) < n_sources:
            for number in range(n_sources):
                sources.setdefault(number, _Source())
        elif len(sources) > n_sources:
            for number in [n for n, s in sources.items() if n >= n_sources and not s.watermark]:
                del sources[number]

    def _grow_quiet(self, at_ms: int) -> list[Note]:
        """Let the time since the last frame count as silence of every source."""
        elapsed = min(max(at_ms - self.last_ms, 0), _PAUSE_MS) if self.last_ms else 0
        self.last_ms = max(at_ms, self.last_ms)
        notes = []
        if elapsed:
            for side, sources in self._sides.items():
                for number, source in sources.items():
                    before = source.quiet_ms
                    source.quiet_ms = before + elapsed
                    if before <= self._idle_ms < source.quiet_ms:
                        notes.append(_turned(side, number, "source_silent"))
        return notes


def _overlap(side: Side, number: int, first: int, covered: int) -> Note:
    """Report offsets that were framed twice: the transactions before us are broken."""
    return Note(
        "frame_overlap",
        {"source": side},
        level="error",
        log={"source_partition": number, "first": first, "covered": covered},
    )


def _turned(side: Side, number: int, name: str) -> Note:
    """Report that a source fell silent or spoke again."""
    return Note(name, {"source": side}, level="warning", log={"source_partition": number})
