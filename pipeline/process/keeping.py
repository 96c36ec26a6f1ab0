"""What is stored of the error events of one partition, and how that comes back after a restart.

Every event counts, stored or not. A service's quota is asked for what no flood holds back: of a
flood there are only few rows, which stand for all others.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from pipeline.model.novel import Novel
from pipeline.model.process_state import Bucket, Flood, ProcessState
from pipeline.model.stage import Record, Sent
from pipeline.process import flood, quota
from pipeline.process.flood import MINUTE_MS, Floods, Kind
from pipeline.process.quota import Owner, Quota
from pipeline.process.row import Fact, novel_of
from pipeline.process.settings import ProcessSettings

TOPIC: Final = "process.state"
# A minute is over for a silent partition when the broker's clock is surely beyond it.
_SILENT_MS: Final = 5_000
_decoder = msgspec.json.Decoder(ProcessState)
_encode = msgspec.json.Encoder().encode


class Kept(NamedTuple):
    """The weight of the row that is stored, 0 for none, and what became of an event without one.

    Where a row takes the place of an event that waited, it is that one which became part of a
    sample.
    """

    weight: float
    outcome: Literal["", "sampled", "filtered"] = ""


_HELD: Final = Kept(0.0)
_SAMPLED: Final = Kept(0.0, "sampled")
_FILTERED: Final = Kept(0.0, "filtered")


class Keeping:
    """One partition's floods and quotas."""

    def __init__(self, settings: ProcessSettings, partitions: int) -> None:
        whole = settings.flood_per_minute
        self._floods: Floods[Fact | Novel] = Floods(max(whole // partitions, 1) if whole else 0)
        rate, burst = settings.quota_per_minute / partitions, settings.quota_burst / partitions
        self._quota = Quota(rate, burst) if rate else None
        self.ends_ms = 0

    def keep(self, fact: Fact) -> Kept | None:
        """Decide about an event; None is the usual answer: its row is stored as it is."""
        head = fact.head
        found = self._floods.count((fact.fingerprint, head.environment, fact.fault.level))
        if found is None:
            if not self._quota or self._quota.admits(
                head.project, head.service, fact.record.timestamp_ms
            ):
                return None
            return _FILTERED
        if found.is_due():
            weight, waited = found.release()
            return Kept(weight + head.weight, "sampled" if waited else "")
        return _SAMPLED if found.hold(fact, head.weight) else _HELD

    def begin(self, broker_ms: int) -> Iterable[Novel]:
        """Begin the minute of a record; return the rows that waited for the end of theirs.

        Nothing happens before ``ends_ms``, the end of the present minute.
        """
        self.ends_ms = (broker_ms // MINUTE_MS + 1) * MINUTE_MS
        return [_row(held) for held in self._floods.begin(broker_ms)]

    def rest(self, now_ms: int) -> Iterable[Novel]:
        """Return the rows that waited, if their minute is over and nothing else comes."""
        if now_ms < (self._floods.minute + 1) * MINUTE_MS + _SILENT_MS:
            return ()
        return [_row(held) for held in self._floods.waiting()]

    def records(self, partition: int) -> Iterator[Sent]:
        """Yield what changed since the last batch, as records of the state."""
        for kind in sorted(self._floods.changed):
            yield _sent(partition, ("f", *kind), self._flood(kind))
        self._floods.changed.clear()
        if self._quota is not None:
            for owner in sorted(self._quota.changed):
                yield _sent(partition, ("q", *owner), _bucket(owner, self._quota.get(owner)))
            self._quota.changed.clear()

    def recall(self, record: Record) -> str:
        """Take a record of the state; return what is wrong with one that nobody can read."""
        name, *key = (record.key or b"").decode(errors="replace").split("\0")
        if record.value is None:
            if name == "f" and len(key) == 3:
                self._floods.forget((key[0], key[1], key[2]))
            elif name == "q" and len(key) == 2 and self._quota is not None:
                self._quota.forget((key[0], key[1]))
            return ""
        try:
            found = _decoder.decode(record.value)
        except msgspec.MsgspecError as error:
            return f"{TOPIC}/{record.partition}, key {record.key!r}: {error}; delete it"
        if isinstance(found, Flood):
            kind = (found.fingerprint, found.environment, found.level)
            held = flood.Flood[Fact | Novel](found.n, found.whole, found.weight, found.newest)
            self._floods.recall(kind, found.minute, held)
        elif self._quota is not None:
            owner = (found.project, found.service)
            self._quota.recall(owner, quota.Bucket(found.tokens, found.at_ms))
        return ""

    def _flood(self, kind: Kind) -> Flood | None:
        """Return the record of a flood, its newest event as a row; None deletes it."""
        found = self._floods.get(kind)
        if found is None:
            return None
        if isinstance(found.newest, Fact):
            found.newest = _novel(found.newest)
        return Flood(
            fingerprint=kind[0],
            environment=kind[1],
            level=kind[2],
            minute=self._floods.minute,
            n=found.n,
            whole=found.whole,
            weight=found.weight,
            newest=found.newest,
        )


def _bucket(owner: Owner, found: quota.Bucket | None) -> Bucket | None:
    """Return the record of a service's quota; None deletes it."""
    if found is None:
        return None
    return Bucket(project=owner[0], service=owner[1], tokens=found.tokens, at_ms=found.at_ms)


def _row(held: flood.Flood[Fact | Novel]) -> Novel:
    """Return the row of the newest event of a flood, which stands for all that waited with it."""
    weight, newest = held.release()
    assert newest is not None
    novel = _novel(newest) if isinstance(newest, Fact) else newest
    return replace(novel, row=replace(novel.row, sample_weight=weight))


def _novel(fact: Fact) -> Novel:
    """Return an event of which only the row is still to come."""
    return novel_of(fact, fact.head.weight, "row")


def _sent(partition: int, key: tuple[str, ...], state: ProcessState | None) -> Sent:
    """Return a record of the state."""
    value = None if state is None else _encode(state)
    return Sent(TOPIC, value, "\0".join(key).encode(), partition)
