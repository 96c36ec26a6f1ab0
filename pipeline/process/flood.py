"""Which events of a flood are stored: the first ones, the newest, and fewer and fewer between.

Time is the broker's, in whole minutes, so that the answer depends on the topic's content alone. Of
equal events in a minute the first ``whole`` are stored as they are, then each at ``whole`` times a
power of two, and when the minute is over the newest. A stored row carries the weight of the events
since the one before it, so that weights add up to events. A flood that goes on into the next
minute is stored from its first event on at powers of two.
"""

from typing import Final, Generic, TypeVar

MINUTE_MS: Final = 60_000
# With so many different kinds within a minute no further one is a flood.
_MOST_KINDS: Final = 100_000

Event = TypeVar("Event")
# Fingerprint, environment, level: what people sum weights by.
Kind = tuple[str, str, str]


class Flood(Generic[Event]):
    """The events of one kind in the present minute."""

    __slots__ = ("n", "newest", "weight", "whole")

    def __init__(
        self, n: int, whole: int, weight: float = 0.0, newest: Event | None = None
    ) -> None:
        self.n = n
        self.whole = whole
        self.weight = weight
        self.newest = newest

    def is_whole(self) -> bool:
        """Tell whether the event counted last is one of the first, stored as they are."""
        return self.n <= self.whole

    def is_due(self) -> bool:
        """Tell whether the event counted last is to be stored for those since the last row."""
        times, rest = divmod(self.n, self.whole)
        return not rest and not times & (times - 1)

    def hold(self, event: Event, weight: float) -> bool:
        """Let an event wait as the newest; tell whether another one gave way."""
        gave_way = self.newest is not None
        self.newest = event
        self.weight += weight
        return gave_way

    def release(self) -> tuple[float, Event | None]:
        """Return the weight that waits for a row and the newest event, and hold nothing."""
        found = self.weight, self.newest
        self.weight, self.newest = 0.0, None
        return found


class Floods(Generic[Event]):
    """The events of one partition by kind; ``changed`` names what a restart has to learn.

    Kinds far from a flood are not worth a record: a restart forgets counts below an eighth of
    ``whole``, and stores a few events more for it.
    """

    def __init__(self, whole: int) -> None:
        self.minute = 0
        self.changed: set[Kind] = set()
        self._whole = whole
        self._fewest = max(whole // 8, 1)
        self._few: dict[Kind, int] = {}
        self._many: dict[Kind, Flood[Event]] = {}

    def count(self, kind: Kind) -> Flood[Event] | None:
        """Count an event; return its flood, or None where it is to be stored as it is."""
        flood = self._many.get(kind)
        if flood is None:
            n = self._few.get(kind, 0) + 1
            if n < self._fewest or not self._whole:
                if n > 1 or len(self._few) < _MOST_KINDS:
                    self._few[kind] = n
                return None
            self._few.pop(kind, None)
            flood = self._many[kind] = Flood(n - 1, self._whole)
        flood.n += 1
        self.changed.add(kind)
        return None if flood.is_whole() else flood

    def begin(self, broker_ms: int) -> list[Flood[Event]]:
        """Begin the minute of a record; return the floods of the last one that hold an event."""
        minute = broker_ms // MINUTE_MS
        if minute <= self.minute:
            return []
        over, follows = self._many, minute == self.minute + 1
        self.minute = minute
        self._few.clear()
        self._many = {
            kind: Flood(0, 1) for kind, flood in over.items() if follows and flood.n > self._whole
        }
        self.changed.update(over)
        return [flood for flood in over.values() if flood.newest is not None]

    def waiting(self) -> list[Flood[Event]]:
        """Return the floods that hold an event, to be released because nothing else comes."""
        found = [(kind, flood) for kind, flood in self._many.items() if flood.newest is not None]
        self.changed.update(kind for kind, _ in found)
        return [flood for _, flood in found]

    def get(self, kind: Kind) -> Flood[Event] | None:
        """Return the flood of a kind."""
        return self._many.get(kind)

    def recall(self, kind: Kind, minute: int, flood: Flood[Event]) -> None:
        """Take back what stood in a record."""
        self.minute = max(self.minute, minute)
        self._many[kind] = flood

    def forget(self, kind: Kind) -> None:
        """Drop what a record said before it was deleted."""
        self._many.pop(kind, None)
