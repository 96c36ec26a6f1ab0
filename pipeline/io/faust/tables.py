"""The stage's rows in a Faust table: recovered before the first record, written one by one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import faust
from faust.types import TP

from pipeline.detect.table import CHANGELOG

CHANGELOG_TOPICS: Final[Mapping[str, Mapping[str, str]]] = {
    CHANGELOG: {
        "cleanup.policy": "compact",
        "segment.ms": "3600000",
        "min.cleanable.dirty.ratio": "0.1",
    }
}
"""What ``io/admin.py`` has to make: as many partitions as ``windows``."""


class Rows:
    """The table of an app, by the partition that the keys name."""

    def __init__(
        self,
        app: faust.App,
        name: str,
        home: Callable[[bytes], int],
        when_recovered: Callable[[], Any],
    ) -> None:
        self._home = home
        self._table = app.Table(name, key_type=bytes, value_type=bytes, on_recover=when_recovered)

    def keep(self, partitions: set[int]) -> None:
        """Drop the rows of partitions that another worker owns now.

        Faust's memory store forgets only what it has read from the changelog, so that rows written
        here would come back stale with the partition.
        """
        for key in [key for key in self._data if self._home(key) not in partitions]:
            del self._data[key]

    def all(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every row."""
        return iter(self._data.items())

    def write(self, partition: int, writes: Mapping[bytes, bytes | None]) -> None:
        """Change rows in this order, here and in the changelog's partition.

        The partition is given: Faust would take it from the event that it thinks is current.
        """
        for key, value in writes.items():
            self._table.send_changelog(partition, key, value)
            if value is None:
                self._data.pop(key, None)
            else:
                self._data[key] = value

    @property
    def _data(self) -> dict[bytes, bytes]:
        """The memory store's dictionary: the table's own methods need a current event."""
        store: Any = self._table.data
        data: dict[bytes, bytes] = store.data
        return data


def partitions_of(assignment: set[TP], topic: str) -> set[int]:
    """Return the partitions of a topic in an assignment."""
    return {tp.partition for tp in assignment if tp.topic == topic}
