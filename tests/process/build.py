"""Values for the tests of process: a stage, what it said, and what its frames add up to."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson

from pipeline.frames.codec import decode
from pipeline.model.frame import Frame, Row
from pipeline.model.group import CanonicalKey, Decision, GroupRecord, IssueState
from pipeline.model.grouped import Grouped
from pipeline.model.novel import Novel
from pipeline.model.stage import Note, Output, Record, Sent, Source, Unreadable
from pipeline.process.settings import ProcessSettings
from pipeline.process.stage import ProcessStage
from tests.build import AT, a_record

PARTITIONS = 4


def a_stage(**settings: Any) -> ProcessStage:
    """Return a stage that owns all partitions."""
    stage = ProcessStage(settings=ProcessSettings(**settings), window_s=60, partitions=PARTITIONS)
    stage.assign({Source("events.raw", p): 0 for p in range(PARTITIONS)})
    return stage


def an_event(**fields: Any) -> dict[str, Any]:
    """Return the smallest event, with more fields; None takes one away."""
    event = {"service": "shop", "message": "boom", **fields}
    return {name: value for name, value in event.items() if value is not None}


def fed(stage: ProcessStage, *events: Any, offset: int = 0, **record: Any) -> list[Sent | str]:
    """Feed events (dicts or bytes); return the messages, and the reason of each refused one."""
    said: list[Sent | str] = []
    for n, event in enumerate(events):
        raw = event if isinstance(event, bytes | type(None)) else orjson.dumps(event)
        try:
            outputs: Iterable[Output] = stage.feed(a_record(raw, offset=offset + n, **record), AT)
        except Unreadable as refused:
            said.append(refused.reason if str(refused) else "says nothing")
        else:
            said += [output for output in outputs if isinstance(output, Sent)]
    return said


def novel(event: Any, **record: Any) -> Novel:
    """Return what a fresh stage sends to the owner about one event."""
    (sent,) = fed(a_stage(), event, **record)
    assert isinstance(sent, Sent), sent
    assert sent.topic == "events.novel"
    return msgspec.json.decode(sent.value or b"", type=Novel)


def reason(event: Any) -> str:
    """Return why a fresh stage refuses an event."""
    (said,) = fed(a_stage(), event)
    assert isinstance(said, str), said
    return said


def grouped(sent: Sent | str) -> Grouped:
    """Return the row of a message to events.grouped."""
    assert isinstance(sent, Sent)
    assert sent.topic == "events.grouped"
    return msgspec.json.decode(sent.value or b"", type=Grouped)


def ticked(
    stage: ProcessStage, now: datetime = AT, caught_up: Iterable[int] = ()
) -> tuple[list[Frame], list[Sent], list[Note]]:
    """End a batch; return frames, marks and notes."""
    outputs = list(stage.tick(now, {Source("events.raw", p) for p in caught_up}))
    sent = [output for output in outputs if isinstance(output, Sent)]
    return (
        [decode(message.value) for message in sent if message.topic == "frames"],
        [message for message in sent if message.topic == "events.novel"],
        [output for output in outputs if isinstance(output, Note)],
    )


def rows(stage: ProcessStage, kind: type[Row]) -> list[Any]:
    """End a batch; return the rows of a kind."""
    return [row for frame in ticked(stage)[0] for row in frame.rows if isinstance(row, kind)]


def outcomes(stage: ProcessStage) -> dict[str, int]:
    """End a batch; return how many events had each outcome."""
    found: dict[str, int] = {}
    for note in ticked(stage)[2]:
        if note.name == "outcomes":
            name = note.labels["outcome"]
            found[name] = found.get(name, 0) + note.n
    return found


def decided(novel_: Novel, *, group_id: str = "", **issue: Any) -> list[Record]:
    """Return the records by which the owner makes a group of an event known."""
    row = novel_.row
    group_id = group_id or row.fingerprint
    state: dict[str, Any] = {
        "project": row.project,
        "group_id": group_id,
        "title": novel_.title,
        "error_type": row.error_type,
        "culprit": row.culprit,
        "service": row.service,
        "level": row.level,
        "template": novel_.template,
        "first_seen": row.ts,
        "first_release": row.release,
        "episode_started_at": row.ts,
        "updated_at": row.ts + timedelta(seconds=1),
        "version": 1,
    }
    decision = Decision(
        project=row.project,
        service=row.service,
        error_type=row.error_type,
        fingerprint=row.fingerprint,
        group_id=group_id,
        grouping_version=1,
        how="founder",
        canonical_key=msgspec.json.encode(novel_.key).decode(),
        seq=1,
        first_seen=row.ts,
    )
    return [
        registered(f"d|{row.fingerprint}", decision),
        registered(f"i|{group_id}", IssueState(**(state | issue))),
    ]


def registered(key: str, value: GroupRecord | None) -> Record:
    """Return a record of the registry."""
    body = None if value is None else msgspec.json.encode(value)
    return a_record(body, topic="groups", key=key.encode())


def the_key(event: Any) -> CanonicalKey:
    """Return the canonical key of an event."""
    return novel(event).key
