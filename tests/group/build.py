"""Values for the tests of group: keys, novel events, and a driver that plays a broker."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from pipeline.group.settings import GroupSettings
from pipeline.group.stage import GroupStage
from pipeline.model.action import Action, Merge
from pipeline.model.group import CanonicalKey, Decision, GroupRecord, IssueState
from pipeline.model.grouped import Grouped
from pipeline.model.novel import Mark, Novel
from pipeline.model.partition import partition_of
from pipeline.model.signal import Signal
from pipeline.model.stage import Output, Record, Sent, Source
from tests.build import AT, AT_MS

PARTITIONS = 4


def a_message(
    text: str, error_type: str = "Error", refine: tuple[str, ...] = (), service: str = "shop"
) -> CanonicalKey:
    """Return the key of a masked message; ``*`` is the wildcard."""
    return CanonicalKey(service, error_type, "message", tuple(text.split()), refine)


def a_stack(
    frames: str, error_type: str = "Error", refine: tuple[str, ...] = (), service: str = "shop"
) -> CanonicalKey:
    """Return the key of a stack, its frames innermost first."""
    return CanonicalKey(service, error_type, "stack", tuple(frames.split()), refine)


def a_client_key(*values: str) -> CanonicalKey:
    """Return the key of a client's own fingerprint."""
    return CanonicalKey("shop", "", "client", values)


def fingerprint_of(key: CanonicalKey) -> str:
    """Return a stable fingerprint, 16 hex digits."""
    return sha256(msgspec.json.encode(key)).hexdigest()[:16]


def a_novel(key: CanonicalKey, n: int = 0, **row: Any) -> Novel:
    """Return the n-th event, with this key."""
    fingerprint = fingerprint_of(key)
    fields: dict[str, Any] = {
        "event_id": f"{n:032x}",
        "ts": AT + timedelta(milliseconds=n),
        "received_at": AT,
        "project": "default",
        "service": key.service,
        "environment": "production",
        "level": "error",
        "group_id": fingerprint,
        "fingerprint": fingerprint,
        "grouping_version": 1,
        "group_how": "",
        "error_type": key.error_type,
        "message": " ".join(key.parts),
        "raw_partition": 0,
        "raw_offset": n,
    }
    title = " ".join(key.parts)
    return Novel(
        key=key,
        template=title,
        title=title,
        user_hash=n,
        received_ms=AT_MS,
        row=Grouped(**(fields | row)),
    )


def a_stage(records: Iterable[Record] = (), **settings: Any) -> GroupStage:
    """Return a stage that owns all partitions and has recalled these records."""
    stage = GroupStage(
        settings=GroupSettings(**settings), window_s=60, partitions=PARTITIONS, n_raw=2
    )
    for record in records:
        stage.recall(record)
    stage.assign({Source("events.novel", partition): 0 for partition in range(PARTITIONS)})
    return stage


def again(outputs: Iterable[Output], **settings: Any) -> GroupStage:
    """Return a stage that has recalled what another wrote, compacted."""
    return a_stage(compacted(registered(outputs)), **settings)


def a_novel_record(novel: Novel, offset: int = 0, partition: int | None = None) -> Record:
    """Return the event as it comes from its owner's partition."""
    home = partition_of(PARTITIONS, novel.key.service, novel.key.error_type)
    value = msgspec.json.encode(novel)
    return Record(
        "events.novel", home if partition is None else partition, offset, AT_MS, None, value
    )


def a_mark_record(watermarks: dict[int, int], partition: int = 0, offset: int = 0) -> Record:
    """Return a mark of process."""
    value = msgspec.json.encode(Mark(watermarks=watermarks))
    return Record("events.novel", partition, offset, AT_MS, None, value, (("mark", b"1"),))


def run(
    stage: GroupStage, keys: Iterable[CanonicalKey], start: int = 0, now: datetime = AT, **row: Any
) -> list[Output]:
    """Feed one event per key and return what the stage said."""
    outputs: list[Output] = []
    for n, key in enumerate(keys, start):
        outputs += stage.feed(a_novel_record(a_novel(key, n, **row), n), now)
    return outputs


def home_of(key: CanonicalKey) -> int:
    """Return the partition of a key's owner."""
    return partition_of(PARTITIONS, key.service, key.error_type)


def an_action(kind: type[Any], keys: Iterable[CanonicalKey], n: int = 1, **more: Any) -> Any:
    """Return the n-th action, on the groups that these keys founded, an hour after the first."""
    fields: dict[str, Any] = {
        "action_id": UUID(int=n),
        "at": AT + timedelta(hours=n),
        "author": "ada",
        "project": "default",
        "groups": [fingerprint_of(key) for key in keys],
    }
    return kind(**(fields | more))


def a_merge(keys: Iterable[CanonicalKey], into: CanonicalKey, n: int = 1, **more: Any) -> Merge:
    """Return the n-th action, a merge into the group that a key founded."""
    root: dict[str, Any] = {
        "into": fingerprint_of(into),
        "into_since": AT,
        "into_service": into.service,
        "into_type": into.error_type,
    }
    merge: Merge = an_action(Merge, keys, n, **(root | more))
    return merge


def act(stage: GroupStage, action: Action, partition: int | None = None) -> list[Output]:
    """Feed an action to the owner of a key of type Error; return what the stage said."""
    home = partition_of(PARTITIONS, "shop", "Error") if partition is None else partition
    record = Record("actions", home, 0, AT_MS, None, msgspec.json.encode(action))
    return list(stage.feed(record, AT))


def rows(outputs: Iterable[Output]) -> list[Grouped]:
    """Return the rows of ``events.grouped``."""
    return [
        msgspec.json.decode(sent.value or b"", type=Grouped)
        for sent in outputs
        if isinstance(sent, Sent) and sent.topic == "events.grouped"
    ]


def ids(outputs: Iterable[Output]) -> list[str]:
    """Return the group of each event."""
    return [row.group_id for row in rows(outputs)]


def told(outputs: Iterable[Output]) -> list[Signal]:
    """Return the signals."""
    return [
        msgspec.json.decode(sent.value or b"", type=Signal)
        for sent in outputs
        if isinstance(sent, Sent) and sent.topic == "signals"
    ]


def registered(outputs: Iterable[Output]) -> list[Record]:
    """Return what the stage wrote to ``groups``, as records that can be recalled."""
    return [
        Record("groups", sent.partition or 0, offset, AT_MS, sent.key, sent.value)
        for offset, sent in enumerate(outputs)
        if isinstance(sent, Sent) and sent.topic == "groups"
    ]


def compacted(records: Sequence[Record]) -> list[Record]:
    """Return what compaction leaves, the last value of each key, in no helpful order."""
    last = {record.key: record for record in records}
    return sorted(last.values(), key=lambda record: record.key or b"")


def decisions(records: Iterable[Record]) -> list[Decision]:
    """Return the decisions among records of ``groups``."""
    return [record for record in _decoded(records) if isinstance(record, Decision)]


def issues(records: Iterable[Record]) -> list[IssueState]:
    """Return the issue states among records of ``groups``."""
    return [record for record in _decoded(records) if isinstance(record, IssueState)]


def _decoded(records: Iterable[Record]) -> list[GroupRecord]:
    """Return what the records hold."""
    return [msgspec.json.decode(r.value, type=GroupRecord) for r in records if r.value]
