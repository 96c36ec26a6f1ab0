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
from pipeline.sink.reconcile import ROLLUPS, Rollup, Step, missing, steps
from pipeline.store.clickhouse import Client, StoreRefused
from pipeline.store.letters import Letters
from pipeline.store.tables import EVENTS, SETTINGS, rows_of

TOPIC = "events.grouped"
CHUNK = 10_000
_log = logger("sink")
_OF_PARTITION = "src_topic = {topic:String} AND src_partition = {partition:UInt16}"
_STORED = f"""SELECT src_offset FROM tocsin.events WHERE {_OF_PARTITION}
AND src_offset >= {{first:UInt64}} AND src_offset < {{end:UInt64}}"""
_STORED_END = f"""SELECT if(count() = 0, 0, max(src_offset) + 1) AS stored_end FROM tocsin.events
WHERE {_OF_PARTITION} AND src_offset >= {{first:UInt64}}"""


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
        letters: Letters,
        busy: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._client = client
        self._broker = broker
        self._consumer = consumer
        self._letters = letters
        self._busy = busy

    def settle(self, source: Source, start: Start) -> int:
        """Bring a partition to a clean state after an assignment; return where to read on.

        Raises StoreAway, StoreRefused, Away, Aborted, TopicMadeAnew.
        """
        end = start.offset
        stored_end = self._stored_end(source, end)
        high = self._broker.ends([source])[source]
        if stored_end > high:
            raise TopicMadeAnew(
                f"{source.topic}/{source.partition} ends at {high}, but ClickHouse has rows up"
                f" to {stored_end}: the topic was made anew; empty tocsin.events or restore it"
            )
        intent = read_intent(start.metadata)
        if intent is not None and intent.end > high:
            intent = None  # of an earlier topic of this name
        is_cut = start.gap is not None
        for step in steps(end, intent, stored_end, CHUNK, is_cut=is_cut):
            self._settle(source, step)
            end = step.end
        return end

    def _settle(self, source: Source, step: Step) -> None:
        """Settle one range of offsets and commit its end."""
        if not step.recount:
            self._fence(source, step.first, Intent(step.end, mend=True))
        records = list(self._broker.read([source], {source: step.first}, {source: step.end}))
        batch = self._rows(records, step.skip)
        _log.info("settling", partition=source.partition, first=step.first, end=step.end)
        if step.whole:
            kept = self._insert_whole(source, step.first, step.end, batch, records)
            if kept is None:
                self._split(source, records, step.first, step.end)
                return
            batch = kept
        self._fill(source, step, batch, records)
        if step.recount and batch.by_offset:
            for rollup in ROLLUPS:
                self._rebuild(rollup, source, step.first, max(batch.by_offset))
        self._commit(source, Committed(step.end))

    def write(self, source: Source, records: list[Record], first: int, end: int) -> None:
        """Insert one batch; raises StoreAway or Aborted, after which ``settle`` has to run."""
        batch = self._rows(records, ())
        if self._insert_whole(source, first, end, batch, records) is None:
            self._split(source, records, first, end)
        else:
            self._commit(source, Committed(end))

    def _split(self, source: Source, records: list[Record], first: int, end: int) -> None:
        """Write a batch of which nothing is stored as two."""
        middle = len(records) // 2
        self.write(source, records[:middle], first, records[middle].offset)
        self.write(source, records[middle:], records[middle].offset, end)

    def _insert_whole(
        self, source: Source, first: int, end: int, batch: _Rows, records: list[Record]
    ) -> _Rows | None:
        """Insert a batch under its own token; return it without the rows that were refused.

        None: it has more bad rows than an intent can name, and nothing of it was inserted.
        """
        while (intent := Intent(end, batch.skipped)).fits():
            self._fence(source, first, intent)
            try:
                self._insert(source, batch)
            except StoreRefused as refused:
                batch = self._without(batch, refused, records)
            else:
                return batch
        return None

    def _fill(self, source: Source, step: Step, batch: _Rows, records: list[Record]) -> None:
        """Insert what is still missing of a range, under a token that no insert has had."""
        lost = missing(batch.by_offset, self._stored(source, step))
        rest = _Rows({offset: batch.by_offset[offset] for offset in lost}, batch.skipped)
        while rest.by_offset:
            _log.warning("rows are missing and are inserted", rows=len(rest.by_offset))
            nonce = uuid.uuid4().hex  # noqa: TID251  a token that no insert has had
            try:
                self._insert(source, rest, nonce)
            except StoreRefused as refused:
                rest = self._without(rest, refused, records)
            else:
                return

    def _fence(self, source: Source, first: int, intent: Intent) -> None:
        """Commit what is about to be inserted; nothing is inserted without it."""
        self._commit(source, Committed(first, intent.encode()))

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
                self._letters.bury(record, bad)
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
        self._letters.bury(record, Unreadable("refused_row", str(refused)))
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

    def _stored(self, source: Source, step: Step) -> set[int]:
        """Return the offsets of a range that ClickHouse has."""
        asked = {**source._asdict(), "first": step.first, "end": step.end}
        return {int(row["src_offset"]) for row in self._client.rows(_STORED, asked)}

    def _stored_end(self, source: Source, first: int) -> int:
        """Return the offset after the last one from ``first`` on that ClickHouse has, or 0."""
        found = self._client.rows(_STORED_END, {**source._asdict(), "first": first})
        return int(found[0]["stored_end"])

    def _commit(self, source: Source, at: Committed) -> None:
        """Commit one partition, once the letters of what it skips are safe."""
        self._letters.flush()
        with self._busy():
            self._consumer.commit({source: at})
