"""What one partition of ``windows`` adds up to: rolling values on each tick, anomalies at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from pipeline.detect.detectors import DETECTORS
from pipeline.detect.rolling import Row
from pipeline.detect.series import Id, Issue, Raised, Series, host_sums
from pipeline.detect.settings import DetectSettings
from pipeline.detect.signals import end_signal, raise_signal, seconds_of
from pipeline.detect.table import Clock, Key, Kind, encode
from pipeline.model.metric import Metric
from pipeline.model.signal import Signal
from pipeline.model.window import GroupWindow, ResourceWindow, ServiceWindow, Tick, WindowRecord

Writes = dict[bytes, bytes | None]
Found = Metric | Signal
_clock = msgspec.msgpack.Decoder(Clock)
_issue = msgspec.msgpack.Decoder(Issue)
_raised = msgspec.msgpack.Decoder(Raised)


class Gap(Exception):
    """Records of ``windows`` are missing before this one: stop, a restart reads them."""


class Partition:
    """The series of one partition; ``last`` is the record that was finished last."""

    def __init__(
        self, number: int, settings: DetectSettings, rows: Iterable[tuple[Key, bytes]]
    ) -> None:
        self.last: int | None = None
        self._forgiven = False
        self._partition = number
        self._settings = settings
        self._series: dict[Id, Series] = {}
        self._load(rows)

    def takes(self, number: int) -> bool:
        """Tell whether a record is new; raises Gap if one before it never came.

        A partition of which nothing is known begins wherever the log begins.
        """
        if self._forgiven and self.last is not None and number > self.last:
            self._forgiven, self.last = False, number - 1
        if self.last is not None and number > self.last + 1:
            raise Gap(
                f"partition {self._partition} of windows: record {number} came after {self.last}; "
                "the records between were lost on the way, a restart reads them again"
            )
        return self.last is None or number == self.last + 1

    def forgive(self) -> None:
        """Accept the next gap: retention made it, and the shell has reported it."""
        self._forgiven = True

    def feed(self, record: WindowRecord, writes: Writes) -> list[Found]:
        """Take a record; add the rows that change to ``writes``, the clock row last."""
        found: list[Found] = []
        if isinstance(record, Tick):
            found = list(self._tick(record, writes))
        elif isinstance(record, ServiceWindow) and not record.seq:
            found = list(self._service(record, writes))
        elif isinstance(record, ResourceWindow) and not record.seq:
            self._resource(record, writes)
        elif isinstance(record, GroupWindow) and not record.seq:
            self._group(record, writes)
        self.finish(record.number, writes)
        return found

    def finish(self, number: int, writes: Writes) -> None:
        """Write down that a record is done with."""
        self.last = number
        writes[encode(Key(self._partition, "clock"))] = encode(Clock(number))

    def _load(self, rows: Iterable[tuple[Key, bytes]]) -> None:
        """Rebuild everything from the table's rows."""
        rings: dict[Id, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for key, value in rows:
            if key.kind == "clock":
                self.last = _clock.decode(value).number
            elif key.kind == "issue":
                self._of(key.series).issues[key.name] = _issue.decode(value)
            elif key.kind == "raised":
                self._of(key.series).raised[key.name] = _raised.decode(value)
            else:
                rings[key.series][key.name].append(Row(key.kind, key.start_s, value))
        for series, found in rings.items():
            self._of(series).load(found)

    def _of(self, series: Id) -> Series:
        """Return what is remembered of a series."""
        known = self._series.get(series)
        if known is None:
            known = self._series[series] = Series(self._settings.window_s)
        return known

    def _key(self, kind: Kind, series: Id, name: str = "", start_s: int = 0) -> bytes:
        """Return the key of a row."""
        return encode(Key(self._partition, kind, *series, name, start_s))

    def _service(self, window: ServiceWindow, writes: Writes) -> Iterator[Signal]:
        """Add a service's window and yield what the detectors say to it."""
        id_, start = _id(window), seconds_of(window.window_start)
        series = self._of(id_)
        row = series.add(window, start)
        if row is not None:
            writes[self._key(row.size, id_, "", start)] = row.value
        point = series.point(start)
        if point is None or not point.requests:
            return  # without requests there is nothing to judge: neither a raise nor an end
        history = series.history(start)
        for detector in DETECTORS:
            anomaly = detector.judge(history, point)
            key = self._key("raised", id_, detector.name)
            raised = series.raised.get(detector.name)
            if anomaly is not None:
                yield raise_signal(detector, window, anomaly)
                if raised is None:
                    raised = Raised(window.number, start, anomaly.metric)
                    series.raised[detector.name] = raised
                    writes[key] = encode(raised)
            elif raised is not None:
                del series.raised[detector.name]
                writes[key] = None
                yield end_signal(detector, id_, raised.metric, window.as_of, start, window.window_s)

    def _resource(self, window: ResourceWindow, writes: Writes) -> None:
        """Add a host's window."""
        id_, start = _id(window), seconds_of(window.window_start)
        ring = self._of(id_).ring(window.host)
        if start not in ring:
            row = ring.add(start, host_sums(window, start))
            writes[self._key(row.size, id_, window.host, start)] = row.value

    def _group(self, window: GroupWindow, writes: Writes) -> None:
        """Add a group's window."""
        id_, start = _id(window), seconds_of(window.window_start)
        issue = self._of(id_).count(window, start, start - self._settings.top_s)
        if issue is not None:
            writes[self._key("issue", id_, window.group_id)] = encode(issue)

    def _tick(self, tick: Tick, writes: Writes) -> Iterator[Found]:
        """Move every window on; yield the values of each series, and forget the silent ones."""
        end = seconds_of(tick.window_end)
        for id_, series in list(self._series.items()):
            self._advance(id_, series, end, tick.number, writes)
            if series:
                yield self._metric(id_, series, tick, end)
            else:
                yield from self._forget(id_, series, tick, writes)

    def _advance(self, id_: Id, series: Series, end: int, number: int, writes: Writes) -> None:
        """Move a series on and write down what changed."""
        rings = {"": series.requests, **series.hosts}
        for host, ring in rings.items():
            for row in ring.advance(end, number):
                writes[self._key(row.size, id_, host, row.start_s)] = row.value
            if host and not ring:
                del series.hosts[host]
        for group_id in series.expire(end - self._settings.top_s):
            writes[self._key("issue", id_, group_id)] = None

    def _forget(self, id_: Id, series: Series, tick: Tick, writes: Writes) -> Iterator[Signal]:
        """Forget a series that has been silent for a day."""
        del self._series[id_]
        end = seconds_of(tick.window_end)
        for detector in DETECTORS:
            raised = series.raised.get(detector.name)
            if raised is not None:
                writes[self._key("raised", id_, detector.name)] = None
                start = end - tick.window_s
                yield end_signal(detector, id_, raised.metric, tick.as_of, start, tick.window_s)

    def _metric(self, id_: Id, series: Series, tick: Tick, end: int) -> Metric:
        """Return all rolling values of a series."""
        return Metric(
            project=id_.project,
            service=id_.service,
            environment=id_.environment,
            number=tick.number,
            as_of=tick.as_of,
            window_end=tick.window_end,
            rolling=series.rolling(end),
            top=series.top(self._settings.top_issues, end - self._settings.top_s),
        )


def _id(window: ServiceWindow | GroupWindow | ResourceWindow) -> Id:
    """Return the series of a window."""
    return Id(window.project, window.service, window.environment)
