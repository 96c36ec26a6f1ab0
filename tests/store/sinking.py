"""A sink between the broker in memory and a real store, and what it has to have stored."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from pipeline.io.clock import ManualClock, SystemClock
from pipeline.io.memory import MemoryBroker
from pipeline.model.grouped import Grouped
from pipeline.model.stage import Record, Sent, Source
from pipeline.sink.settings import SinkSettings
from pipeline.store.clickhouse import Client
from pipeline.store.settings import ClickHouseSettings
from pipeline.store.sink import SinkWorker
from tests.broker import everything

# The tables forget by the calendar, so their rows are of today.
NOW = SystemClock().now().replace(microsecond=0)
GROUPED = "events.grouped"
TABLES = ("events", "events_1m", "groups_1h", "stored_1h", "signals", "dead_letters")
READS = (GROUPED, "signals")


class Killed(Exception):
    """The sink's process ends here."""


class Mortal(Client):
    """A client at which the sink dies, or the store does, when an insert is due."""

    def __init__(self, url: str) -> None:
        super().__init__(ClickHouseSettings(url=url))
        self.before: Callable[[], None] = live
        self.after: Callable[[], None] = live

    def insert(self, table: str, lines: bytes, settings: Mapping[str, Any] = {}) -> None:
        """Insert between the two."""
        self.before()
        super().insert(table, lines, settings)
        self.after()


def live() -> None:
    """Let the sink live."""


def die() -> None:
    """End the sink."""
    raise Killed


def an_error(n: int) -> Grouped:
    """Return the nth event: two days, several minutes, groups, users and releases."""
    ts = NOW - timedelta(days=n % 2, seconds=11 * n)
    return Grouped(
        event_id=str(UUID(int=n + 1)),
        ts=ts,
        received_at=ts + timedelta(seconds=1),
        project="default",
        service=f"s{n % 3}",
        environment="production",
        release=f"r{n % 2}" if n % 5 else "",
        level="error",
        group_id=f"{n % 4:016x}",
        fingerprint=f"{n % 4:016x}",
        grouping_version=1,
        group_how="exact",
        error_type="E",
        message=f"m{n}",
        handled=n % 7 != 0,
        user_id=f"u{n % 6}" if n % 3 else "",
        sample_weight=1.0 + n % 2,
        raw_partition=0,
        raw_offset=n,
    )


class Sinking:
    """Topics, a store with empty tables, and the workers made over them."""

    def __init__(self, url: str, partitions: int = 1, rows: int = 10_000) -> None:
        self.broker = MemoryBroker(ManualClock(NOW))
        for topic in (*READS, "dead-letters"):
            self.broker.create(topic, partitions)
        self.client = Mortal(url)
        self._settings = SinkSettings(rows=rows, seconds=0)
        for table in TABLES:
            self.client.command(f"TRUNCATE TABLE tocsin.{table}")

    def publish(self, numbers: Iterable[int], partition: int = 0) -> None:
        """Write events."""
        for n in numbers:
            self.put(msgspec.json.encode(an_error(n)), partition)

    def put(self, value: bytes | None, partition: int = 0, topic: str = GROUPED) -> None:
        """Write one value."""
        self.broker.put(Sent(topic, value, partition=partition))

    def worker(self) -> SinkWorker:
        """Return a new worker, which takes over from the one before."""
        return SinkWorker(READS, 0, self.client, self.broker, ManualClock(NOW), self._settings)

    def drain(self, worker: SinkWorker) -> list[str]:
        """Turn until nothing is left to do; return what the turns came to."""
        outcomes: list[str] = []
        while not outcomes or outcomes[-1] != "idle":
            outcomes.append(worker.turn().outcome)
            assert len(outcomes) < 100, outcomes
        return outcomes

    def letters(self) -> list[Record]:
        """Return the dead letters."""
        return everything(self.broker, "dead-letters")

    def committed(self, partition: int = 0) -> tuple[int | None, str]:
        """Return how far a partition of the events is committed, and its intent."""
        return self.broker.group("tocsin-sink").committed[Source(GROUPED, partition)]

    def is_exact(self) -> bool:
        """Assert that the table and its rollups equal what the topic holds."""
        records = [r for r in everything(self.broker, GROUPED) if _is_good(r)]
        assert stored(self.client) == expected(records)
        return True


def _is_good(record: Record) -> bool:
    """Whether a record is one of ours."""
    return record.value is not None and b'"message":"m' in record.value


def _hour(at: datetime) -> datetime:
    """Return the hour."""
    return at.replace(minute=0, second=0, microsecond=0)


def expected(records: Iterable[Record]) -> dict[str, Any]:
    """Return what the four tables hold if each record is stored once."""
    found: list[tuple[int, int, str, str]] = []
    minutes, unhandled = Counter[Any](), Counter[Any]()
    weights = defaultdict[Any, float](float)
    hours: dict[Any, list[Grouped]] = {}
    received = Counter[Any]()
    for record in records:
        event = msgspec.json.decode(record.value or b"", type=Grouped)
        found.append((record.partition, record.offset, event.event_id, event.message))
        minute = (event.ts.replace(second=0), event.service, record.partition)
        minutes[minute] += 1
        weights[minute] += event.sample_weight
        unhandled[minute] += not event.handled
        hours.setdefault((_hour(event.ts), event.group_id, event.service), []).append(event)
        received[_hour(event.received_at), event.service, record.partition] += 1
    return {
        "events": sorted(found),
        "events_1m": {key: (n, weights[key], unhandled[key]) for key, n in minutes.items()},
        "groups_1h": {key: _group(events) for key, events in hours.items()},
        "stored_1h": dict(received),
    }


def _group(events: list[Grouped]) -> tuple[Any, ...]:
    """Return the numbers of one group in one hour."""
    times = [event.ts for event in events]
    users = {event.user_id for event in events} - {""}
    releases = {event.release for event in events} - {""}
    weight = sum(event.sample_weight for event in events)
    return len(events), weight, len(users), min(times), max(times), tuple(sorted(releases))


def stored(client: Client) -> dict[str, Any]:
    """Return what the four tables hold."""
    events = _tuples(client, "SELECT src_partition, src_offset, event_id, message FROM {}.events")
    return {
        "events": sorted((row[0], row[1], str(row[2]), row[3]) for row in events),
        "events_1m": {
            row[:3]: row[3:]
            for row in _tuples(
                client,
                "SELECT minute, service, src_partition, sum(count), sum(weighted), sum(unhandled)"
                " FROM {}.events_1m GROUP BY 1, 2, 3",
            )
        },
        "groups_1h": {
            row[:3]: row[3:]
            for row in _tuples(
                client,
                "SELECT hour, group_id::String, service, sum(count), sum(weighted),"
                " uniqMerge(users), min(first_seen), max(last_seen),"
                " arraySort(groupUniqArrayArray(releases)) FROM {}.groups_1h GROUP BY 1, 2, 3",
            )
        },
        "stored_1h": {
            row[:3]: row[3]
            for row in _tuples(
                client,
                "SELECT hour, service, src_partition, sum(count) FROM {}.stored_1h"
                " GROUP BY 1, 2, 3",
            )
        },
    }


def _tuples(client: Client, query: str) -> list[tuple[Any, ...]]:
    """Return rows as tuples, times with their zone."""
    return [tuple(map(_comparable, row.values())) for row in client.rows(query.format("tocsin"))]


def _comparable(value: Any) -> Any:
    """Return a time with its zone, a list as a tuple."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    return tuple(value) if isinstance(value, list) else value
