"""Which event ids came lately: a repeat within the horizon is counted once.

Time is the broker's, in whole seconds, so that the answer depends on the topic's content alone.
Ids are kept as 64-bit numbers by generation, and whole generations are forgotten.
"""

from hashlib import blake2b
from typing import Final

from pipeline.model.stage import Record, Unreadable
from pipeline.process.decode import body_of, kind_of
from pipeline.process.event import read_content, read_head
from pipeline.process.glance import glance
from pipeline.process.shapes import canonical

_GENERATION_S: Final = 60


class _Generation:
    """Ids first seen within a minute, with the second of it."""

    __slots__ = ("ids", "start_s")

    def __init__(self, start_s: int) -> None:
        self.start_s = start_s
        self.ids: dict[int, int] = {}


class Recent:
    """The ids of one partition."""

    def __init__(self, horizon_s: int, most: int) -> None:
        self._horizon_s = horizon_s
        self._most = most
        self._generations: list[_Generation] = []
        self._count = 0

    def is_repeat(self, project: str, event_id: str, broker_ms: int) -> bool:
        """Tell whether the id came within the horizon, and remember it if not."""
        now_s = broker_ms // 1000
        digest = blake2b(f"{project}\0{event_id}".encode(), digest_size=8).digest()
        number = int.from_bytes(digest)
        for generation in self._generations:
            second = generation.ids.get(number)
            if second is not None:
                if now_s - generation.start_s - second <= self._horizon_s:
                    return True
                del generation.ids[number]
                self._count -= 1
        self._remember(number, now_s)
        return False

    def __len__(self) -> int:
        return self._count

    def _remember(self, number: int, now_s: int) -> None:
        """Put an id into the generation of its time."""
        last = self._generations[-1] if self._generations else None
        share = max(self._most // 16, 1)
        if last is None or now_s - last.start_s >= _GENERATION_S or len(last.ids) >= share:
            self._forget(now_s)
            last = _Generation(now_s)
            self._generations.append(last)
        last.ids[number] = now_s - last.start_s
        self._count += 1

    def _forget(self, now_s: int) -> None:
        """Drop generations beyond the horizon, and the oldest where there are too many ids."""
        while self._generations:
            oldest = self._generations[0]
            gone = now_s - oldest.start_s > self._horizon_s + _GENERATION_S
            if not gone and self._count < self._most:
                return
            self._count -= len(oldest.ids)
            del self._generations[0]


class Repeats:
    """The ids of all partitions."""

    def __init__(self, horizon_s: int, most: int) -> None:
        self._horizon_s = horizon_s
        self._most = most
        self._recent: dict[int, Recent] = {}

    def recall(self, record: Record) -> None:
        """Remember the id of an input record that was counted before."""
        seen = glance(record.value) or _id_in_full(record)
        if seen is not None:
            self.is_repeat(*seen, record)

    def is_repeat(self, project: str, event_id: str, record: Record) -> bool:
        """Tell whether an id came lately in this partition, and remember it if not."""
        recent = self._recent.get(record.partition)
        if recent is None:
            recent = self._recent[record.partition] = Recent(self._horizon_s, self._most)
        return recent.is_repeat(project, event_id, record.timestamp_ms)

    def remembered(self) -> int:
        """Return how many ids are remembered."""
        return sum(map(len, self._recent.values()))


def _id_in_full(record: Record) -> tuple[str, str] | None:
    """Return project and id of an event that would be counted, by reading it."""
    try:
        raw = body_of(record.value)
        kind = kind_of(raw)
        body = canonical(raw)
        head = read_head(body, kind, record)
        read_content(kind, body)
    except Unreadable:
        return None
    return (head.project, head.event_id) if head.own_id else None
