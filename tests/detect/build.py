"""Windows, ticks and a driver for tests of the detect stage."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pipeline.detect.settings import DetectSettings
from pipeline.detect.stage import METRICS, SIGNALS, DetectStage, Step
from pipeline.frames.sketch import bucket_of
from pipeline.model.metric import Metric
from pipeline.model.signal import Signal
from pipeline.model.stage import Sent
from pipeline.model.window import GroupWindow, ResourceWindow, ServiceWindow, Tick, WindowRecord

PARTITION = 2
START = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
_metrics = msgspec.json.Decoder(Metric)
_signals = msgspec.json.Decoder(Signal)


def minute(n: float) -> datetime:
    """Return a time in minutes after the start of the test's day."""
    return START + timedelta(minutes=n)


def _facts(n: float, number: int) -> dict[str, Any]:
    """Return what every window has."""
    return {
        "number": number,
        "as_of": minute(n + 1.5),
        "window_start": minute(n),
        "window_s": 60,
        "project": "default",
        "environment": "production",
    }


def a_service(
    n: float, *, number: int = 0, service: str = "shop", ms: float = 100, **sums: Any
) -> ServiceWindow:
    """Return a service's window; ``ms`` is the response time of all its requests."""
    requests = sums.setdefault("requests", 10)
    if requests:
        sums.setdefault("latency", {bucket_of(ms): requests})
        sums.setdefault("latency_sum_ms", ms * requests)
        sums.setdefault("satisfied", requests)
    return ServiceWindow(**_facts(n, number), service=service, **sums)


def a_host(n: float, *, number: int = 0, host: str = "h1", samples: int = 6, **means: float) -> Any:
    """Return a host's window from its means in percent."""
    cpu, memory, disk = (means.get(name, 50.0) for name in ("cpu", "memory", "disk_free"))
    return ResourceWindow(
        **_facts(n, number),
        service="shop",
        host=host,
        samples=samples,
        cpu_sum=cpu * samples,
        cpu_max=cpu,
        memory_sum=memory * samples,
        memory_max=memory,
        memory_rss_max=0,
        disk_free_sum=disk * samples,
        disk_free_min=disk,
    )


def a_group(n: float, *, number: int = 0, group_id: str = "a", count: int = 1) -> GroupWindow:
    """Return a group's window."""
    return GroupWindow(
        **_facts(n, number),
        service="shop",
        group_id=group_id,
        title=f"title of {group_id}",
        n=count,
        unhandled=0,
        min_ts=minute(n),
        max_ts=minute(n),
        event_id="e",
    )


def a_tick(end: float, *, number: int = 0, window_s: int = 60) -> Tick:
    """Return the tick of a window's end."""
    return Tick(number=number, as_of=minute(end + 0.5), window_end=minute(end), window_s=window_s)


def numbered(records: Sequence[WindowRecord]) -> list[WindowRecord]:
    """Return the records numbered from 1."""
    return [msgspec.structs.replace(record, number=n) for n, record in enumerate(records, 1)]


class Run:
    """A detect stage and the table beside it; rows are written as an engine writes them."""

    def __init__(self, **settings: int) -> None:
        self.metrics: list[Metric] = []
        self.signals: list[Signal] = []
        self.rows: dict[bytes, bytes] = {}
        self._settings = DetectSettings(**settings)
        self.restart()

    def restart(self) -> None:
        """Build the stage anew from the table."""
        self.stage = DetectStage(settings=self._settings)
        self.stage.load(self.rows.items(), [PARTITION])

    def feed(self, record: WindowRecord, *, rows: int | None = None) -> Step:
        """Feed a record; ``rows`` is how many rows are written before the process dies."""
        step = self.stage.feed(PARTITION, msgspec.json.encode(record))
        for message in step.sent:
            self._keep(message)
        for key, value in list(step.writes.items())[:rows]:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        return step

    def feed_all(self, records: Sequence[WindowRecord]) -> None:
        """Feed the records, numbered from 1."""
        for record in numbered(records):
            self.feed(record)

    def _keep(self, message: Sent) -> None:
        """Sort a message by its topic."""
        assert message.partition == PARTITION
        if message.topic == METRICS:
            self.metrics.append(_metrics.decode(message.value or b""))
        else:
            assert message.topic == SIGNALS
            self.signals.append(_signals.decode(message.value or b""))


def run(*records: WindowRecord, **settings: int) -> Run:
    """Return a run over these records, numbered from 1."""
    done = Run(**settings)
    done.feed_all(records)
    return done
