"""The sink: topics into tables, by joining bytes.

``events`` is written by the exact writer of ``events.py``. Every other table replaces rows of the
same key, so a batch that is sent twice is harmless: insert, then commit. A store that is away
pauses the sink; nothing is dead-lettered for it.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from pipeline.io import metrics
from pipeline.io.broker import Aborted, Away, Broker, Committed
from pipeline.io.clock import Clock
from pipeline.io.log import logger
from pipeline.io.loop import ALIVE_S, Outcome, Turn
from pipeline.model.stage import Record, Source, Unreadable
from pipeline.sink.settings import SinkSettings
from pipeline.store.clickhouse import Client, StoreAway, StoreRefused
from pipeline.store.events import TOPIC as EVENTS_TOPIC
from pipeline.store.events import EventsWriter
from pipeline.store.letters import Letters
from pipeline.store.tables import SETTINGS, rows_of, target

NAME = "sink"
POLL_S = 0.25
_log = logger(NAME)


class SinkWorker:
    """One instance of the sink; ``turn`` it until it is to end, then ``close`` it."""

    def __init__(
        self,
        reads: tuple[str, ...],
        ordinal: int,
        client: Client,
        broker: Broker,
        clock: Clock,
        settings: SinkSettings,
        busy: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._client = client
        self._clock = clock
        self._settings = settings
        self._busy = busy
        self._consumer = broker.consumer(f"tocsin-{NAME}", f"{NAME}-{ordinal}", reads)
        self._letters = Letters(NAME, broker, clock)
        self._events = EventsWriter(client, broker, self._consumer, self._letters, busy)
        self._waiting: dict[Source, list[Record]] = {}
        self._offsets: dict[Source, int] = {}
        self._bytes = 0
        self._since: float | None = None
        self._ready = False
        self._generation = 0
        self._turned = time.monotonic()

    def turn(self) -> Turn:
        """Read for a moment and write what is due; raises Fenced or a bug."""
        try:
            turn = self._turn()
        except (Aborted, Away) as raised:
            _log.warning("starting again from the committed offsets", reason=str(raised))
            turn = self._forget("aborted" if isinstance(raised, Aborted) else "away")
        except (StoreAway, StoreRefused) as raised:
            # Unknown tables count as away too: `tocsin migrate` may not have run yet.
            _log.warning("ClickHouse is away", reason=str(raised)[:500])
            turn = self._forget("busy")
        metrics.BATCHES.labels(NAME, turn.outcome).inc()
        self._turned = time.monotonic()
        return turn

    def alive(self) -> bool:
        """Answer whether it has turned within 30 s."""
        return self.turn_age_s() < ALIVE_S

    def turn_age_s(self) -> float:
        """Return the seconds since the last turn."""
        return time.monotonic() - self._turned

    def ready(self) -> bool:
        """Answer whether partitions are assigned and settled."""
        return self._ready

    def close(self) -> None:
        """End between two turns; what waits is read again by the next."""
        self._letters.close()
        self._consumer.close()

    def _turn(self) -> Turn:
        """Settle after a change of the assignment, else read and write."""
        if not self._ready:
            return self._join()
        with self._busy():
            records = self._consumer.poll(self._settings.rows, POLL_S)
        if self._consumer.generation() != self._generation:
            return self._forget("joining")
        for record in records:
            self._waiting.setdefault(record.source, []).append(record)
            self._bytes += len(record.value or b"")
        if records and self._since is None:
            self._since = time.monotonic()
        self._measure(records)
        if not self._is_due():
            return Turn("idle", len(records))
        return self._flush()

    def _join(self) -> Turn:
        """Get partitions and settle them; polling keeps the membership while that cannot be done.

        What a poll brings before that is read again: settling goes to the committed offsets.
        """
        with self._busy():
            self._consumer.poll(1, 0.0 if self._consumer.assignment() else POLL_S)
        return self._settle() if self._consumer.assignment() else Turn("joining")

    def _settle(self) -> Turn:
        """Go to the committed offsets; settle what a crash left open in ``events``."""
        self._forget("rebuilt")
        starts = self._consumer.rewind()
        self._offsets = {source: start.offset for source, start in starts.items()}
        ends = {
            source: self._events.settle(source, start)
            for source, start in starts.items()
            if source.topic == EVENTS_TOPIC
        }
        if self._offsets != {**self._offsets, **ends}:
            self._consumer.rewind()  # to the ends, which are committed
            self._offsets.update(ends)
        for source, start in starts.items():
            if start.gap is not None:
                self._letters.lost(source, start.gap)
        self._letters.flush()
        self._ready = True
        metrics.READY.labels(NAME).set(1)
        _log.info("sink is ready", partitions=len(starts))
        return Turn("rebuilt")

    def _forget(self, outcome: Outcome) -> Turn:
        """Throw away what waits: it is read again."""
        self._ready = False
        self._waiting, self._offsets, self._bytes, self._since = {}, {}, 0, None
        self._generation = self._consumer.generation()
        metrics.READY.labels(NAME).set(0)
        return Turn(outcome)

    def _is_due(self) -> bool:
        """Whether what waits is enough, or has waited long enough."""
        if self._since is None:
            return False
        rows = sum(map(len, self._waiting.values()))
        full = rows >= self._settings.rows or self._bytes >= self._settings.bytes
        return full or time.monotonic() - self._since >= self._settings.seconds

    def _flush(self) -> Turn:
        """Write everything that waits."""
        began = time.monotonic()
        waiting, n = self._waiting, sum(map(len, self._waiting.values()))
        for source, records in waiting.items():
            if source.topic == EVENTS_TOPIC:
                end = self._end(source)
                self._events.write(source, records, self._offsets[source], end)
                self._offsets[source] = end
        self._flush_tables({s: r for s, r in waiting.items() if s.topic != EVENTS_TOPIC})
        self._waiting, self._bytes, self._since = {}, 0, None
        metrics.BATCH_SECONDS.labels(NAME).observe(time.monotonic() - began)
        newest = max((records[-1].timestamp_ms for records in waiting.values()), default=0)
        age_s = self._clock.now().timestamp() - newest / 1000
        metrics.DELAY_SECONDS.labels(NAME).observe(max(age_s, 0.0))
        return Turn("committed", n)

    def _end(self, source: Source) -> int:
        """Return the offset after what waits of a partition: markers take offsets too."""
        return max(self._consumer.position(source), self._waiting[source][-1].offset + 1)

    def _flush_tables(self, waiting: dict[Source, list[Record]]) -> None:
        """Insert the rows of every replacing table, then commit."""
        if not waiting:
            return
        tables: dict[str, list[tuple[Record, bytes]]] = defaultdict(list)
        for records in waiting.values():
            for record in records:
                for table, row in self._rows(record):
                    tables[table].append((record, row))
        for table, rows in tables.items():
            self._insert(table, rows)
        self._letters.flush()
        ends = {source: self._end(source) for source in waiting}
        with self._busy():
            self._consumer.commit({source: Committed(end) for source, end in ends.items()})
        self._offsets.update(ends)

    def _rows(self, record: Record) -> list[tuple[str, bytes]]:
        """Return a record's rows; an unreadable one is buried."""
        try:
            return rows_of(record)
        except Unreadable as bad:
            self._letters.bury(record, bad)
            return []

    def _insert(self, table: str, rows: list[tuple[Record, bytes]]) -> None:
        """Insert rows; each that ClickHouse names as bad is buried and the rest sent again."""
        while rows:
            try:
                self._client.insert(target(table), b"\n".join(r for _, r in rows), SETTINGS)
            except StoreRefused as refused:
                if refused.row is None or refused.row > len(rows):
                    raise
                record, _ = rows.pop(refused.row - 1)
                self._letters.bury(record, Unreadable("refused_row", str(refused)))
            else:
                return

    def _measure(self, records: list[Record]) -> None:
        """Publish what was read and what lies ahead."""
        for topic, n in Counter(record.topic for record in records).items():
            metrics.READ.labels(NAME, topic).inc(n)
        for source in self._consumer.assignment():
            lag = metrics.LAG.labels(NAME, source.topic, str(source.partition))
            lag.set(self._consumer.lag(source))
