"""The registry comes back: recorded decisions and issue states, as ``groups`` holds them.

Compaction loses the order of a topic, so decisions are learnt in the order of ``seq``, which counts
per (project, service, type). Only the partitions that this worker owns are kept.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from pipeline.model.group import (
    Applied,
    CanonicalKey,
    Decision,
    GroupRecord,
    IssueState,
    Tally,
)
from pipeline.model.stage import Record

TOPIC: Final = "groups"

_decoder = msgspec.json.Decoder(GroupRecord)
_keys = msgspec.json.Decoder(CanonicalKey)


class Recalled(NamedTuple):
    """A decision with its key."""

    decision: Decision
    key: CanonicalKey


class Kept(NamedTuple):
    """What an owner wrote of its issues, and its partition."""

    partition: int
    record: IssueState | Applied | Tally


class Registry:
    """What was recalled, until the worker knows what it owns."""

    def __init__(self) -> None:
        self._values: dict[int, dict[bytes, bytes]] = defaultdict(dict)

    def recall(self, record: Record) -> None:
        """Keep the newest value of a key; a tombstone removes it."""
        values = self._values[record.partition]
        if record.value is None:
            values.pop(record.key or b"", None)
        else:
            values[record.key or b""] = record.value

    def take(self, partitions: Collection[int]) -> Iterator[Recalled | Kept | str]:
        """Yield what these partitions hold, decisions in order, and forget everything.

        A string tells what is wrong with a record that nobody can read.
        """
        decisions = []
        for partition in sorted(partitions):
            for key, value in self._values.get(partition, {}).items():
                try:
                    record = _decoder.decode(value)
                    if not isinstance(record, Decision):
                        yield Kept(partition, record)
                        continue
                    canonical = _keys.decode(record.canonical_key)
                except msgspec.MsgspecError as error:
                    yield f"groups/{partition}, key {key!r}: {error}; write it anew or delete it"
                    continue
                decisions.append(Recalled(record, canonical))
        self._values.clear()
        yield from sorted(decisions, key=lambda recalled: recalled.decision.seq)


def key_of(record: GroupRecord) -> bytes:
    """Return the key of a record."""
    match record:
        case Decision():
            return f"d|{record.fingerprint}".encode()
        case IssueState():
            return f"i|{record.group_id}".encode()
        case Applied():
            return applied_key(record.action_id)
        case Tally():
            return tally_key(record.group_id)


def applied_key(action_id: UUID) -> bytes:
    """Return the key of an action that was folded in."""
    return f"a|{action_id}".encode()


def tally_key(group_id: str) -> bytes:
    """Return the key of what an ignored issue has seen."""
    return f"t|{group_id}".encode()
