"""The detect stage: closed windows in; rolling values and anomalies out.

Its state is rows of one table (see table.py), so that an engine with tables can keep it: ``load``
takes them back, ``feed`` says which ones change. The engine sends a step's messages, waits until
they are written, then writes the rows in order, the clock row last. A record that comes again after
a crash changes nothing twice: its number, or the numbers in the rows, tell that it was done, and
what is sent again has the same ids and values.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from pipeline.detect.partition import Found, Partition, Writes
from pipeline.detect.settings import DetectSettings
from pipeline.detect.table import Key, decode_key
from pipeline.model.metric import Metric
from pipeline.model.stage import Sent, Unreadable
from pipeline.model.window import WindowRecord

WINDOWS: Final = "windows"
METRICS: Final = "metrics"
SIGNALS: Final = "signals"

_decoder = msgspec.json.Decoder(WindowRecord)
_encoder = msgspec.json.Encoder()


class _Number(msgspec.Struct):
    """What every record of ``windows`` has, whatever its version."""

    number: int


_number = msgspec.json.Decoder(_Number)


class Step(msgspec.Struct):
    """What follows from one record: messages, then rows; ``bad`` is to be dead-lettered."""

    sent: list[Sent] = []
    writes: Writes = {}
    bad: Unreadable | None = None


class DetectStage:
    """The partitions that this worker owns."""

    def __init__(self, *, settings: DetectSettings) -> None:
        self._settings = settings
        self._partitions: dict[int, Partition] = {}

    def load(self, rows: Iterable[tuple[bytes, bytes]], partitions: Iterable[int]) -> None:
        """Own these partitions, as the table's rows have them, and no others."""
        found: dict[int, list[tuple[Key, bytes]]] = defaultdict(list)
        for key_bytes, value in rows:
            key = decode_key(key_bytes)
            found[key.partition].append((key, value))
        self._partitions = {p: Partition(p, self._settings, found[p]) for p in partitions}

    def forgive(self, partition: int) -> None:
        """Accept the next gap of a partition: retention made it, and the shell has reported it."""
        self._partitions[partition].forgive()

    def feed(self, partition: int, value: bytes | None) -> Step:
        """Return what follows from one record of ``windows``; raises Gap."""
        owned = self._partitions[partition]
        try:
            record = _decoder.decode(value or b"")
        except msgspec.MsgspecError as error:
            return self._unreadable(owned, value, error)
        if not owned.takes(record.number):
            return Step()
        writes: Writes = {}
        found = owned.feed(record, writes)
        return Step([_sent(one, partition) for one in found], writes)

    def _unreadable(self, owned: Partition, value: bytes | None, error: Exception) -> Step:
        """Pass a record that cannot be read; it still counts if its number can be."""
        bad = Unreadable("window_broken", f"not a record of windows: {error}; upgrade detect")
        try:
            number = _number.decode(value or b"").number
        except msgspec.MsgspecError:
            return Step(bad=bad)
        if not owned.takes(number):
            return Step()
        writes: Writes = {}
        owned.finish(number, writes)
        return Step(writes=writes, bad=bad)


def _sent(found: Found, partition: int) -> Sent:
    """Return the message; the partition is that of the windows, so that one worker sees it all."""
    value = _encoder.encode(found)
    if isinstance(found, Metric):
        key = f"{found.service}\0{found.environment}".encode()
        return Sent(METRICS, value, key, partition)
    return Sent(SIGNALS, value, found.signal_id.encode(), partition)
