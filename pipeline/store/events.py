"""Writes events.grouped into ``events``: each row once, through the death of sink and store.

Per partition: (1) commit the batch's end as an intent, at the old offset; (2) INSERT under a token
that names the content; (3) commit the end. Step 1 is the fence: nothing is inserted unless this
generation has committed this very batch. The token alone is not enough: the engine notes it before
it has the rows, and a kill in between loses them. So whatever was interrupted is verified by
offset, completed under a fresh token, and its rollup buckets are counted anew.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

from pipeline.io.broker import Broker, Committed, Consumer, Start
from pipeline.io.log import logger
from pipeline.model.stage import Record, Source, Unreadable
from pipeline.sink.intent import Intent, read_intent, token
from pipeline.sink.reconcile import ROLLUPS, Rollup, missing, plan
from pipeline.store.clickhouse import Client, StoreRefused
from pipeline.store.tables import EVENTS, SETTINGS, rows_of

TOPIC = "events.grouped"
_log = logger("sink")
_STORED = """SELECT src_offset FROM tocsin.events
WHERE src_topic = {topic:String} AND src_partition = {partition:UInt16}
AND src_offset >= {first:UInt64}"""

Bury = Callable[[Record, Unreadable], None]


class TopicMadeAnew(Exception):
    """Rows of an earlier topic of this name are stored: their offsets mean nothing now."""


class _Rows(NamedTuple):
    """A batch's rows by offset, and the offsets that hold no row (bad ones)."""

    by_offset: Mapping[int, bytes]
    skipped: tuple[int, ...]


class EventsWriter:
    """The exact writer of one table; the caller owns the consumer and its turns."""

    def __init__(
        self,
        client: Client,
        broker: Broker,
        consumer: Consumer,
        bury: Bury,
        busy: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._client = client
        self._broker = broker
        self._consumer = consumer
        self._bury = bury
        self._busy = busy

    def settle(self, source: Source, start: Start) -> int:
        """Bring a partition to a clean state after an assignment; return where to read on.

        Raises StoreAway, Aborted, TopicMadeAnew.
        """
        intent = read_intent(start.metadata)
        stored = self._stored(source, start.offset)
        high = self._broker.ends([source])[source]
        open_ = plan(start.offset, intent.end if intent else None, stored, high)
        if open_ is None:
            return start.offset
        if open_.is_anew:
            raise TopicMadeAnew(
                f"{source.topic}/{source.partition} ends at {high}, but ClickHouse has rows up"
                f" to {max(stored)}: the topic was made anew; empty tocsin.events or restore it"
            )
        records = list(self._broker.read([source], {source: open_.first}, {source: open_.end}))
        batch = self._rows(records, intent.skip if intent else ())
        _log.info("settling a batch", partition=source.partition, end=open_.end, rows=len(records))
        self._insert(source, batch)
        self._complete(source, batch, open_.first)
        self._commit(source, Committed(open_.end))
        return open_.end

    def write(self, source: Source, records: list[Record], first: int, end: int) -> None:
        """Insert one batch; raises StoreAway or Aborted, after which ``settle`` has to run."""
        batch = self._rows(records, ())
        while True:
            intent = Intent(end, batch.skipped)
            if not intent.fits():
                half = records[len(records) // 2 :]
                self.write(source, records[: len(records) // 2], first, half[0].offset)
                self.write(source, half, half[0].offset, end)
                return
            self._commit(source, Committed(first, intent.encode()))
            try:
                self._insert(source, batch)
            except StoreRefused as refused:
                batch = self._without(batch, refused, records)
            else:
                break
        self._commit(source, Committed(end))

    def _rows(self, records: Collection[Record], skip: Collection[int]) -> _Rows:
        """Return the rows of records, without those that cannot be rows."""
        rows: dict[int, bytes] = {}
        skipped = list(skip)
        for record in records:
            if record.offset in skipped:
                continue
            try:
                found = rows_of(record)
            except Unreadable as bad:
                self._bury(record, bad)
                skipped.append(record.offset)
            else:
                rows.update((record.offset, row) for _, row in found)
        return _Rows(rows, tuple(skipped))

    def _without(self, batch: _Rows, refused: StoreRefused, records: list[Record]) -> _Rows:
        """Return the batch without the row that ClickHouse names; raises it if it names none."""
        offsets = sorted(batch.by_offset)
        if refused.row is None or refused.row > len(offsets):
            raise refused
        bad = offsets[refused.row - 1]
        record = next(record for record in records if record.offset == bad)
        self._bury(record, Unreadable("refused_row", str(refused)))
        rest = {offset: row for offset, row in batch.by_offset.items() if offset != bad}
        return _Rows(rest, (*batch.skipped, bad))

    def _insert(self, source: Source, batch: _Rows, nonce: str = "") -> None:
        """Insert rows in order of offset under their token."""
        if not batch.by_offset:
            return
        offsets = sorted(batch.by_offset)
        name = token(*source, offsets) + nonce
        lines = b"\n".join(batch.by_offset[offset] for offset in offsets)
        self._client.insert(
            f"tocsin.{EVENTS}", lines, {**SETTINGS, "insert_deduplication_token": name}
        )

    def _complete(self, source: Source, batch: _Rows, first: int) -> None:
        """Insert what is still missing under a fresh token, then count the buckets anew."""
        if lost := missing(batch.by_offset, self._stored(source, first)):
            _log.warning("rows were lost in the store and are inserted again", rows=len(lost))
            rest = {offset: batch.by_offset[offset] for offset in lost}
            nonce = uuid.uuid4().hex  # noqa: TID251  a token that no insert had
            self._insert(source, _Rows(rest, ()), nonce)
        if batch.by_offset:
            for rollup in ROLLUPS:
                self._rebuild(rollup, source, first, max(batch.by_offset))

    def _rebuild(self, rollup: Rollup, source: Source, first: int, last: int) -> None:
        """Delete and count again the buckets that a range of offsets touches, of one partition.

        Only the owner of the partition writes these rows, so this needs no lock.
        """
        # Every name and number below is ours: tables of reconcile.py, partitions, offsets.
        of_partition = f"src_topic = '{source.topic}' AND src_partition = {source.partition}"
        touched = (
            f"SELECT DISTINCT {rollup.expression} FROM tocsin.events WHERE {of_partition}"
            f" AND src_offset BETWEEN {first} AND {last}"
        )
        self._client.command(
            f"DELETE FROM tocsin.{rollup.table} WHERE src_partition = {source.partition}"
            f" AND {rollup.bucket} IN ({touched})"
        )
        where = f"{of_partition} AND {rollup.expression} IN ({touched})"
        source_rows = f"(SELECT * FROM tocsin.events WHERE {where})"
        select = rollup.select.format(source=source_rows)
        self._client.command(
            f"INSERT INTO tocsin.{rollup.table} {select}",
            settings={"insert_deduplicate": 0, "deduplicate_insert_select": "disable"},
        )

    def _stored(self, source: Source, first: int) -> set[int]:
        """Return the offsets from ``first`` on that ClickHouse has."""
        rows = self._client.rows(
            _STORED, {"topic": source.topic, "partition": source.partition, "first": first}
        )
        return {int(row["src_offset"]) for row in rows}

    def _commit(self, source: Source, at: Committed) -> None:
        """Commit one partition."""
        with self._busy():
            self._consumer.commit({source: at})
