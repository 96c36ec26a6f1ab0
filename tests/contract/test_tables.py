"""What the stages write is what the tables hold: every field finds its column.

The sink joins bytes and ClickHouse skips what it does not know, so nobody else would see a typo.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import orjson
import pytest

from pipeline.io.seal import Seal
from pipeline.model import dead_letter as dead
from pipeline.model.action import Merge
from pipeline.model.alert import Alert
from pipeline.model.client_report import ClientReport
from pipeline.model.group import Decision, IssueState
from pipeline.model.grouped import Grouped
from pipeline.model.notification_log import Attempt
from pipeline.model.signal import Signal
from pipeline.model.stage import Record, Unreadable
from pipeline.model.window import OutcomeWindow, ResourceWindow, ServiceWindow
from pipeline.store.clickhouse import Client
from pipeline.store.tables import SETTINGS, TABLES, rows_of, target
from tests.build import a_record
from tests.store.served import Served
from tests.store.sinking import NOW

PLACE = {"src_partition", "src_offset"}
ADDED = {"version"}
HOUR = NOW.replace(minute=0, second=0, microsecond=0)
IDS = {name: str(UUID(int=n)) for n, name in enumerate(("event_id", "signal_id", "alert_id"), 1)}
FIXED = {name: f"{name:x<16}"[:16] for name in ("group_id", "fingerprint")}


class Case(NamedTuple):
    """A struct, its topic and table, and how their names differ."""

    struct: type[msgspec.Struct]
    topic: str
    table: str
    unstored: set[str]
    added: set[str]
    values: Mapping[str, Any] = MappingProxyType({})


WINDOW = {"number", "as_of"}
CASES = (
    Case(Grouped, "events.grouped", "events", set(), {*PLACE, "src_topic", "inserted_at"}),
    Case(Decision, "groups", "fingerprints", {"wildcards"}, ADDED, {"how": "exact"}),
    Case(
        IssueState,
        "groups",
        "issue_states",
        {"environment", "root_service", "root_type", "resolved_at"},
        set(),
        {"status": "ignored"},
    ),
    Case(ServiceWindow, "windows", "service_metrics", {*WINDOW, "user_hashes"}, {*ADDED, "users"}),
    Case(ResourceWindow, "windows", "resource_samples", WINDOW, ADDED),
    Case(OutcomeWindow, "windows", "outcomes", WINDOW, ADDED),
    Case(Signal, "signals", "signals", {"title", "merged_into"}, ADDED, {"kind": "anomaly"}),
    Case(
        Alert,
        "alerts",
        "alerts",
        {
            *("since", "op", "window_s", "top", "flush", "notices", "fired_at", "due_at"),
            *("cooldown_until", "last_notice_at", "settled"),
        },
        set(),
        {"state": "firing", "top": []},
    ),
    Case(
        Attempt,
        "notifications.log",
        "notification_attempts",
        {"retry_at", "stops_channel"},
        ADDED,
        {"outcome": "sent", "alert_ids": [str(UUID(int=9))]},
    ),
)
BY_STRUCT = pytest.mark.parametrize("case", CASES, ids=lambda case: case.struct.__name__)


def _value(name: str, kind: Any, n: int) -> Any:
    """Return a value of this type that is no default and no other field's."""
    if get_origin(kind) is list:
        return [_value(name, get_args(kind)[0], n)]
    if get_origin(kind) is dict:
        key, value = get_args(kind)
        return {_value(name, key, n): _value(name, value, n)}
    if datetime in {kind, *get_args(kind)}:
        return NOW - timedelta(seconds=n)
    if float in {kind, *get_args(kind)}:
        return n + 0.5
    return {bool: True, int: n}.get(kind, name)


def _example(case: Case) -> msgspec.Struct:
    """Return a struct with every field set."""
    hints = get_type_hints(case.struct)
    values = {
        name: _value(name, hints[name], n)
        for n, name in enumerate(case.struct.__struct_fields__, 1)
    }
    values |= {name: v for name, v in {**IDS, **FIXED}.items() if name in values}
    values["handled"] = False
    values |= {"guard": "passed", **case.values}
    return case.struct(**{name: v for name, v in values.items() if name in hints})


def _record(case: Case) -> Record:
    """Return an example as its stage writes it."""
    return a_record(msgspec.json.encode(_example(case)), topic=case.topic, partition=2, offset=7)


def _plain(value: Any) -> Any:
    """Return a value as it was before ClickHouse: text for ids, times with their zone."""
    match value:
        case datetime():
            return value.replace(tzinfo=UTC)
        case bytes():
            return value.decode()
        case UUID():
            return str(value)
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value


def _columns(client: Client, table: str) -> dict[str, str]:
    """Return the stored columns of a table with their kind of default."""
    found = client.rows(
        "SELECT name, default_kind FROM system.columns WHERE database = 'tocsin'"
        " AND table = {table:String} AND default_kind NOT IN ('EPHEMERAL', 'ALIAS')",
        {"table": table},
    )
    return {row["name"]: row["default_kind"] for row in found}


def _stored(client: Client, record: Record) -> list[tuple[str, dict[str, Any]]]:
    """Insert a record's rows into emptied tables and return what stands there."""
    found = []
    for table, line in rows_of(record):
        client.command(f"TRUNCATE TABLE tocsin.{table}")
        client.insert(target(table), line, SETTINGS)
        names = ", ".join(f"`{name}`" for name in _columns(client, table) if name != "users")
        (row,) = client.rows(f"SELECT {names} FROM tocsin.{table}")
        found.append((table, {name: _plain(value) for name, value in row.items()}))
    return found


@BY_STRUCT
def test_each_field_comes_back_from_its_column(store: Served, case: Case) -> None:
    """A record that a stage writes is read from its table, column by column."""
    client = store.client()
    record = _record(case)
    ((table, row),) = _stored(client, record)
    client.close()
    example = msgspec.structs.asdict(_example(case))
    expected = {name: v for name, v in example.items() if name not in case.unstored}

    assert table == case.table
    assert {name: row[name] for name in expected} == expected
    assert row.get("src_partition", 2) == 2
    assert row.get("src_offset", 7) == 7
    assert row["version"] == 8 if "version" in case.added else True


@BY_STRUCT
def test_names_differ_only_where_they_are_meant_to(store: Served, case: Case) -> None:
    """A field without a column, or a column without a field, is on a short list."""
    client = store.client()
    columns = set(_columns(client, case.table))
    client.close()
    fields = set(case.struct.__struct_fields__)

    assert fields - columns == case.unstored
    assert columns - fields == case.added


def test_the_users_of_a_window_are_a_set(store: Served) -> None:
    """User hashes become a state that counts each user once."""
    client = store.client()
    case = next(case for case in CASES if case.struct is ServiceWindow)
    value = msgspec.structs.replace(_example(case), user_hashes=[1, 2**64 - 1, 2, 2])
    _stored(client, a_record(msgspec.json.encode(value), topic="windows"))
    (row,) = client.rows("SELECT uniqMerge(users) AS users FROM tocsin.service_metrics")
    client.close()

    assert row == {"users": 3}


def test_a_dead_letter_becomes_its_facts(store: Served) -> None:
    """R8 The headers of a dead letter are columns; its bytes are only counted."""
    client = store.client()
    bad = a_record(b"{bad", topic="events.raw", partition=3, offset=40, key=b"k")
    sent = dead.dead_letter(bad, "process", "not_json", "at byte 1", NOW, attempts=2)
    record = a_record(
        sent.value, topic=dead.TOPIC, partition=1, offset=5, key=sent.key, headers=sent.headers
    )
    ((table, row),) = _stored(client, record)
    client.close()

    assert table == "dead_letters"
    assert row == {
        "failed_at": NOW,
        "stage": "process",
        "project": "",
        "service": "",
        "reason": "not_json",
        "error_class": "not_json",
        "error": "at byte 1",
        "attempts": 2,
        "src_topic": "events.raw",
        "src_partition": 3,
        "src_offset": 40,
        "src_end": 41,
        "dead_partition": 1,
        "dead_offset": 5,
        "key": "k",
        "preview": "{bad",
        "payload_bytes": 4,
        "replayed_at": datetime(1970, 1, 1, tzinfo=UTC),
        "version": 6,
    }


def test_a_sealed_dead_letter_tells_what_may_be_seen(store: Served) -> None:
    """2.20 Of a sealed letter the row shows what its headers tell: size, owner, beginning."""
    client = store.client()
    bad = a_record(b'{"service": "shop", "password": "x1"}', topic="events.raw", offset=44)
    sent = Seal(bytes(32)).close(dead.dead_letter(bad, "process", "no_event", "at byte 1", NOW))
    record = a_record(sent.value, topic=dead.TOPIC, offset=6, headers=sent.headers)
    ((_, row),) = _stored(client, record)
    client.close()

    assert (row["service"], row["payload_bytes"]) == ("shop", 37)
    assert row["preview"] == '{"service":"shop","password":"[REDACTED]"}'


def test_a_gap_of_the_raw_topic_is_also_an_account(store: Served) -> None:
    """R11 N12 A lost range is accepted and gap, so that the balance stays zero."""
    client = store.client()
    lost = a_record(topic="events.raw", partition=3, offset=40)
    sent = dead.dead_letter(lost, "process", "gap", "offsets are gone", NOW, end=47)
    rows = _stored(client, a_record(topic=dead.TOPIC, offset=5, headers=sent.headers))
    client.close()

    assert [table for table, _ in rows] == ["dead_letters", "outcomes", "outcomes"]
    assert [(r["outcome"], r["quantity"], r["row_id"]) for _, r in rows[1:]] == [
        ("gap", 7, "g:events.raw:3:40"),
        ("accepted", 7, "g:events.raw:3:40"),
    ]
    assert {r["hour"] for _, r in rows[1:]} == {HOUR}


def test_an_action_is_stored_as_it_was_asked_for(store: Served) -> None:
    """X18 Who did what to which issues, when and why, is a row."""
    client = store.client()
    action = Merge(
        action_id=UUID(int=7),
        at=NOW,
        author="ada",
        project="p",
        groups=["a" * 16, "b" * 16],
        reason="the same bug",
        into="c" * 16,
        into_since=NOW,
        into_service="s",
        into_type="E",
    )
    value = msgspec.json.encode(action)
    ((table, row),) = _stored(client, a_record(value, topic="actions", offset=3))
    client.close()

    assert table == "actions"
    assert row == {
        "action_id": str(UUID(int=7)),
        "at": NOW,
        "author": "ada",
        "kind": "merge",
        "target_type": "issue",
        "target": f"{'a' * 16},{'b' * 16}",
        "project": "p",
        "service": "",
        "environment": "",
        "reason": "the same bug",
        "details": value.decode(),
        "version": 4,
    }


def test_a_client_report_becomes_an_account(store: Served) -> None:
    """N12 What a client lost is an outcome of origin client."""
    client = store.client()
    report = ClientReport(
        report_id="r1",
        hour=NOW,
        project="p",
        service="s",
        kind="error",
        outcome="sampled",
        reason="rate",
        quantity=12,
    )
    record = a_record(msgspec.json.encode(report), topic="client-reports", offset=3)
    ((table, row),) = _stored(client, record)
    client.close()

    assert table == "outcomes"
    assert row == {
        "hour": HOUR,
        "project": "p",
        "service": "s",
        "kind": "error",
        "origin": "client",
        "outcome": "sampled",
        "reason": "rate",
        "row_id": "c:r1",
        "quantity": 12,
        "version": 4,
    }


@pytest.mark.parametrize("topic", sorted(TABLES.keys() - {dead.TOPIC}))
def test_a_tombstone_is_no_row(topic: str) -> None:
    """A tombstone ends a key on its topic; the table keeps the history."""
    assert rows_of(a_record(None, topic=topic)) == []


@pytest.mark.parametrize("topic", sorted(TABLES))
@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b"7", b'"x"', b"{", b"\xff\xfe", b"null"])
def test_a_value_that_is_no_record_is_unreadable(topic: str, value: bytes) -> None:
    """R8 A value that no stage wrote is refused with a sentence, before it reaches the store."""
    with pytest.raises(Unreadable, match=" "):
        rows_of(a_record(value, topic=topic))


def test_kinds_that_no_table_holds_are_passed_over() -> None:
    """Ticks and group windows are for the detector only."""
    value = orjson.dumps({"record": "tick"})

    assert rows_of(a_record(value, topic="windows")) == []
