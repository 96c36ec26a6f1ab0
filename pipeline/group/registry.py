"""The registry comes back: recorded decisions and issue states, as ``groups`` holds them.

Compaction loses the order of a topic, so decisions are learnt in the order of ``seq``, which counts
per (project, service, type). Only the partitions that this worker owns are kept.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

import msgspec

from pipeline.model.group import CanonicalKey, Decision, GroupRecord, IssueState
from pipeline.model.stage import Record

TOPIC: Final = "groups"

_decoder = msgspec.json.Decoder(GroupRecord)
_keys = msgspec.json.Decoder(CanonicalKey)


class Recalled(NamedTuple):
    """A decision with its key."""

    decision: Decision
    key: CanonicalKey


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

    def take(self, partitions: Collection[int]) -> Iterator[Recalled | IssueState | str]:
        """Yield what these partitions hold, decisions in order, and forget everything.

        A string tells what is wrong with a record that nobody can read.
        """
        decisions = []
        for partition in sorted(partitions):
            for key, value in self._values.get(partition, {}).items():
                try:
                    record = _decoder.decode(value)
                    if isinstance(record, IssueState):
                        yield record
                        continue
                    canonical = _keys.decode(record.canonical_key)
                except msgspec.MsgspecError as error:
                    yield f"groups/{partition}, key {key!r}: {error}; write it anew or delete it"
                    continue
                decisions.append(Recalled(record, canonical))
        self._values.clear()
        yield from sorted(decisions, key=lambda recalled: recalled.decision.seq)


def decision_key(fingerprint: str) -> bytes:
    """Return the key of a decision."""
    return f"d|{fingerprint}".encode()


def issue_key(group_id: str) -> bytes:
    """Return the key of an issue's state."""
    return f"i|{group_id}".encode()
