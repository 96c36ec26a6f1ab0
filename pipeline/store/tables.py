"""Which record goes into which table: the values are rows already, the sink splices what it adds.

``src_partition``, ``src_offset`` and ``version`` (offset + 1, so that a later record of a key
replaces an earlier one) are added to the bytes; ClickHouse skips the fields that a table lacks.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson

from pipeline.model import dead_letter as dead
from pipeline.model.client_report import ClientReport
from pipeline.model.stage import Record, Unreadable
from pipeline.scrub.preview import preview_of
from pipeline.scrub.walk import scrub

Rows = Iterator[tuple[str, bytes]]
EVENTS = "events"
SETTINGS = {
    "input_format_skip_unknown_fields": 1,
    "date_time_input_format": "best_effort",
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    # Replacing tables write what they have; a field that is null takes the column's default.
    "input_format_null_as_default": 1,
}


class _Kind(msgspec.Struct):
    """The tag of a record on a topic with several kinds."""

    record: str


class _Asked(msgspec.Struct):
    """What every action has."""

    action_id: UUID
    at: datetime
    author: str
    kind: str
    project: str
    groups: list[str] = []
    target_type: str = "issue"
    reason: str = ""


_kind = msgspec.json.Decoder(_Kind)
_report = msgspec.json.Decoder(ClientReport)
_WINDOWS = {"service": "service_metrics", "resource": "resource_samples", "outcome": "outcomes"}
_GROUPS = {"decision": "fingerprints", "issue": "issue_states"}
# A column that is only read while a row is made counts only if the INSERT names it.
_COLUMNS = {"service_metrics": "(*, user_hashes)"}


def target(table: str) -> str:
    """Return what an INSERT of rows goes into."""
    return f"tocsin.{table} {_COLUMNS.get(table, '')}".rstrip()


def splice(record: Record, *, versioned: bool = True) -> bytes:
    """Return the value with its place added; raises Unreadable if it is no JSON object."""
    value = (record.value or b"").rstrip()
    if not value.startswith(b"{") or not value.endswith(b"}") or len(value) < 3:
        raise Unreadable("not_an_object", "the value is no JSON object: not written by a stage")
    place = b',"src_partition":%d,"src_offset":%d' % (record.partition, record.offset)
    version = b',"version":%d' % (record.offset + 1) if versioned else b""
    return b"%b%b%b}" % (value[:-1], place, version)


def _tagged(tables: dict[str, str]) -> Callable[[Record], Rows]:
    """Return what sends each kind of a topic to its table; other kinds are not stored."""

    def rows(record: Record) -> Rows:
        """Yield the row of one record."""
        try:
            kind = _kind.decode(record.value or b"").record
        except msgspec.MsgspecError as error:
            raise Unreadable("no_kind", f"the value names no kind: {error}") from error
        if table := tables.get(kind):
            # An issue's own version counts its changes, and stands in the value.
            yield table, splice(record, versioned=table != "issue_states")

    return rows


def _plain(table: str) -> Callable[[Record], Rows]:
    """Return what sends every record of a topic to one table."""

    def rows(record: Record) -> Rows:
        """Yield the row of one record."""
        yield table, splice(record)

    return rows


def _client_report(record: Record) -> Rows:
    """Yield a client's own statement of what it lost; it stands outside the balance."""
    try:
        report = _report.decode(record.value or b"")
    except msgspec.MsgspecError as error:
        raise Unreadable("bad_report", f"not a client report: {error}") from error
    yield "outcomes", _row(record, **_outcome(report, row_id=f"c:{report.report_id}"))


def _outcome(report: ClientReport, row_id: str) -> dict[str, Any]:
    """Return the columns of a client's statement."""
    return {
        "hour": report.hour.replace(minute=0, second=0, microsecond=0),
        "project": report.project,
        "service": report.service,
        "kind": report.kind,
        "origin": "client",
        "outcome": report.outcome,
        "reason": report.reason,
        "row_id": row_id,
        "quantity": report.quantity,
    }


def _row(record: Record, **columns: Any) -> bytes:
    """Return a row made here, with its version."""
    return orjson.dumps({**columns, "version": record.offset + 1})


def _action(record: Record) -> Rows:
    """Yield what somebody asked for, as it was asked."""
    try:
        asked = msgspec.json.decode(record.value or b"", type=_Asked)
    except msgspec.MsgspecError as error:
        raise Unreadable("no_action", f"the value is no action: {error}") from error
    yield (
        "actions",
        _row(
            record,
            action_id=asked.action_id,
            at=asked.at,
            author=asked.author,
            kind=asked.kind,
            target_type=asked.target_type,
            target=",".join(asked.groups),
            project=asked.project,
            reason=asked.reason,
            details=(record.value or b"").decode(),
        ),
    )


def _dead_letter(record: Record) -> Rows:
    """Yield the facts of a dead letter, not its payload; a gap is a statement of account, too."""
    facts = {name: value.decode("utf-8", errors="replace") for name, value in record.headers}
    try:
        first, end = int(facts[dead.SRC_OFFSET]), int(facts[dead.SRC_END])
        partition, at = int(facts[dead.SRC_PARTITION]), facts[dead.AT]
        stage, topic, reason = facts[dead.STAGE], facts[dead.SRC_TOPIC], facts[dead.REASON]
    except (KeyError, ValueError) as error:
        raise Unreadable("no_facts", f"a dead letter without its headers: {error}") from error
    yield (
        "dead_letters",
        _row(
            record,
            failed_at=at,
            stage=stage,
            reason=reason,
            error_class=reason,
            error=facts.get(dead.ERROR, ""),
            attempts=int(facts.get(dead.ATTEMPTS, "1")),
            src_topic=topic,
            src_partition=partition,
            src_offset=first,
            src_end=end,
            dead_partition=record.partition,
            dead_offset=record.offset,
            key=scrub(record.key.decode("utf-8", errors="replace")) if record.key else "",
            **_shown(record, facts),
        ),
    )
    if reason == "gap" and topic == "events.raw" and end > first:
        for outcome in ("gap", "accepted"):
            yield (
                "outcomes",
                _gap(record, at, f"g:{topic}:{partition}:{first}", outcome, end - first),
            )


def _shown(record: Record, facts: dict[str, str]) -> dict[str, Any]:
    """Return what may be shown of a payload, by the one who sealed it or left it out."""
    if dead.BODY not in facts:
        payload = record.value or b""
        return {"payload_bytes": len(payload), **preview_of(payload)}
    shown = {name: facts.get(name, "") for name in (dead.PREVIEW, dead.PROJECT, dead.SERVICE)}
    return {"payload_bytes": int(facts.get(dead.PAYLOAD_BYTES, "0")), **shown}


def _gap(record: Record, at: str, row_id: str, outcome: str, quantity: int) -> bytes:
    """Return one side of the account of a range that was lost."""
    return _row(
        record,
        hour=f"{at[:13]}:00:00Z",
        kind="error",
        origin="pipeline",
        outcome=outcome,
        reason="gap",
        row_id=row_id,
        quantity=quantity,
    )


TABLES: dict[str, Callable[[Record], Rows]] = {
    "events.grouped": _plain(EVENTS),
    "groups": _tagged(_GROUPS),
    "windows": _tagged(_WINDOWS),
    "signals": _plain("signals"),
    "actions": _action,
    "alerts": _plain("alerts"),
    "notifications.log": _plain("notification_attempts"),
    "dead-letters": _dead_letter,
    "client-reports": _client_report,
}


def rows_of(record: Record) -> list[tuple[str, bytes]]:
    """Return the rows of a record with their tables; none for a tombstone; raises Unreadable."""
    if record.value is None and record.topic != dead.TOPIC:
        return []
    return list(TABLES[record.topic](record))
