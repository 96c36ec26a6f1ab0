"""The sink's dead letters: nothing that skips a record is committed before its letter is safe."""

from pipeline.io import metrics
from pipeline.io.broker import Away, Broker
from pipeline.io.clock import Clock
from pipeline.io.log import logger
from pipeline.model.dead_letter import TOPIC, dead_letter
from pipeline.model.stage import Record, Source, Unreadable

FLUSH_S = 10.0
_log = logger("sink")


class Letters:
    """Sends dead letters; ``flush`` is called before each commit."""

    def __init__(self, stage: str, broker: Broker, clock: Clock) -> None:
        self._stage = stage
        self._clock = clock
        self._producer = broker.plain_producer()
        self._errors: list[str] = []

    def bury(self, record: Record, bad: Unreadable) -> None:
        """Queue the letter of one record; a dead letter is only counted, or it would come back."""
        metrics.DEAD_LETTERS.labels(self._stage, bad.reason).inc()
        _log.warning("dead letter", topic=record.topic, offset=record.offset, reason=str(bad)[:300])
        if record.topic != TOPIC:
            self._send(record, bad.reason, str(bad))

    def lost(self, source: Source, gap: tuple[int, int]) -> None:
        """Queue the audit record of what retention took before it was read."""
        first, end = gap
        metrics.GAP_RECORDS.labels(self._stage).inc(end - first)
        _log.error("records were lost to retention", topic=source.topic, first=first, end=end)
        at_ms = int(self._clock.now().timestamp() * 1000)
        text = f"offsets {first} to {end} of {source.topic}/{source.partition} are gone"
        self._send(Record(*source, first, at_ms, None, None), "gap", text, end)

    def _send(self, record: Record, reason: str, text: str, end: int | None = None) -> None:
        """Hand one letter to the producer."""
        letter = dead_letter(record, self._stage, reason, text, self._clock.now(), end=end)
        self._producer.send(letter, self._answered)

    def _answered(self, error: str | None) -> None:
        """Take the broker's answer, on the producer's thread."""
        if error is not None:
            self._errors.append(error)

    def flush(self) -> None:
        """Wait until every letter is safe; raises Away if one is not: the batch is read again."""
        left = self._producer.flush(FLUSH_S)
        errors, self._errors = self._errors, []
        if errors:
            raise Away(f"dead letters were refused: {errors[0]}")
        if left:
            raise Away(f"{left} dead letters were not acknowledged within {FLUSH_S:.0f} s")

    def close(self) -> None:
        """End."""
        self._producer.close()
