"""Everything that is remembered of one service and environment."""

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from pipeline.detect.baseline import Point, point_of
from pipeline.detect.rolling import POINTS, Ring, Row, Sums
from pipeline.detect.stats import apdex, error_rate, quantiles
from pipeline.model.metric import WINDOWS_S, Rolling, TopIssue
from pipeline.model.window import GroupWindow, ResourceWindow, ServiceWindow

VALUES: Final = ("requests", "failed", "satisfied", "tolerating", "events", "latency_sum_us")
HOST_VALUES: Final = ("samples", "cpu", "memory", "disk_free")
_SHARES: Final = (0.5, 0.95, 0.99)


class Id(NamedTuple):
    """What names a series."""

    project: str
    service: str
    environment: str


class Issue(msgspec.Struct, array_like=True):
    """A group's latest windows; ``number`` is the record that was counted last."""

    number: int
    title: str
    counts: list[tuple[int, int]]

    def n(self) -> int:
        """Return how often it happened in these windows."""
        return sum(count for _, count in self.counts)


class Raised(msgspec.Struct, array_like=True):
    """A detector that has raised an anomaly of this metric and not ended it."""

    number: int
    since_s: int
    metric: str


class Series:
    """The rolling sums, hosts, groups and raised detectors of one series."""

    def __init__(self, window_s: int) -> None:
        self._window_s = window_s
        self.requests = Ring(window_s=window_s, width=len(VALUES))
        self.hosts: dict[str, Ring] = {}
        self.issues: dict[str, Issue] = {}
        self.raised: dict[str, Raised] = {}
        self.points: deque[Point] = deque(maxlen=POINTS + 1)

    def __bool__(self) -> bool:
        return bool(self.requests or self.hosts or self.issues)

    def load(self, rows: dict[str, list[Row]]) -> None:
        """Rebuild the rings from rows by host; the empty host is the service itself."""
        for host, found in rows.items():
            self.ring(host).load(found)
        for start, sums in self.requests.buckets():
            self.points.append(point_of(start, self._window_s, sums.values))

    def ring(self, host: str) -> Ring:
        """Return the ring of a host, or of the service itself."""
        if not host:
            return self.requests
        ring = self.hosts.get(host)
        if ring is None:
            ring = self.hosts[host] = Ring(window_s=self._window_s, width=len(HOST_VALUES))
        return ring

    def add(self, window: ServiceWindow, start_s: int) -> Row | None:
        """Add the service's window; None if that was done before the last restart."""
        if start_s in self.requests:
            return None
        sums = service_sums(window, start_s)
        self.points.append(point_of(start_s, self._window_s, sums.values))
        return self.requests.add(start_s, sums)

    def point(self, start_s: int) -> Point | None:
        """Return the point of a window, which is among the latest."""
        return next((point for point in reversed(self.points) if point.start_s == start_s), None)

    def history(self, before_s: int) -> list[Point]:
        """Return the last points before a window, as far back as the buckets reach for sure."""
        first_s = before_s - POINTS * self._window_s
        return [point for point in self.points if first_s <= point.start_s < before_s]

    def count(self, window: GroupWindow, start_s: int, before_s: int) -> Issue | None:
        """Add a group's window; None if that was done before the last restart."""
        issue = self.issues.get(window.group_id)
        if issue is None:
            issue = self.issues[window.group_id] = Issue(0, "", [])
        if issue.number >= window.number:
            return None
        kept = [pair for pair in issue.counts if pair[0] >= before_s]
        issue.number, issue.title, issue.counts = window.number, window.title, kept
        issue.counts.append((start_s, window.n))
        return issue

    def expire(self, before_s: int) -> Iterator[str]:
        """Forget groups that have not happened since; yield their ids."""
        for group_id, issue in list(self.issues.items()):
            if issue.counts[-1][0] < before_s:
                del self.issues[group_id]
                yield group_id

    def top(self, n: int, since_s: int) -> list[TopIssue]:
        """Return the busiest groups since a time."""
        counted = (
            (sum(c for start, c in issue.counts if start >= since_s), group_id, issue.title)
            for group_id, issue in self.issues.items()
        )
        busiest = sorted(counted, key=lambda found: (-found[0], found[1]))[:n]
        return [TopIssue(group_id, title, count) for count, group_id, title in busiest if count]

    def rolling(self, end_s: int) -> dict[int, Rolling]:
        """Return the values of every window that ends now."""
        return {span: self._rolling(span, end_s) for span in WINDOWS_S}

    def _rolling(self, span: int, end_s: int) -> Rolling:
        """Return the values of one window."""
        total = self.requests.totals[span]
        requests, failed, satisfied, tolerating, events, _ = total.values
        covered_s = self.requests.covered_s(span, end_s)
        p50, p95, p99 = quantiles(total.latency, _SHARES)
        cpu, memory, disk = self._worst(span)
        return Rolling(
            window_s=span,
            covered_s=min(covered_s, span),
            requests=requests,
            requests_failed=failed,
            events=events,
            error_rate=error_rate(failed, requests),
            response_time_p50=p50,
            response_time_p95=p95,
            response_time_p99=p99,
            apdex=apdex(satisfied, tolerating, requests),
            throughput=requests / covered_s if covered_s else 0.0,
            cpu_usage_percent=cpu,
            memory_usage_percent=memory,
            disk_free_percent=disk,
        )

    def _worst(self, span: int) -> tuple[float | None, float | None, float | None]:
        """Return the means of the worst host: the mean over hosts would hide a full one."""
        totals = [ring.totals[span].values for ring in self.hosts.values()]
        means = [
            [value / values[0] / 1000 for value in values[1:]] for values in totals if values[0]
        ]
        if not means:
            return None, None, None
        cpu, memory, disk = zip(*means, strict=True)
        return max(cpu), max(memory), min(disk)


def service_sums(window: ServiceWindow, start_s: int) -> Sums:
    """Return what of a service's window is added up."""
    values = (
        window.requests,
        window.requests_failed,
        window.satisfied,
        window.tolerating,
        window.events_fatal + window.events_error,
        round(window.latency_sum_ms * 1000),
    )
    return Sums(window.number, start_s, values, window.latency)


def host_sums(window: ResourceWindow, start_s: int) -> Sums:
    """Return what of a host's window is added up, in thousandths of a percent."""
    sums = (window.cpu_sum, window.memory_sum, window.disk_free_sum)
    return Sums(window.number, start_s, (window.samples, *(round(s * 1000) for s in sums)))
