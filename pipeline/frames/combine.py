"""Sum what a micro-batch adds to the windows, and hand it over as one frame per partition.

How a stage uses it::

    sums = Combiner(stage="process", window_s=60, partitions=4, n_sources=4, heartbeat_s=5)

    feed    sums.progress.read(record.partition, record.offset)             # first, for all records
            sums.progress.read(record.partition, record.offset, min(event_ms, broker_ms))
            sums.event(project, service, environment, ts_ms, level=…, handled=…, user=user_hash(…))
            sums.issue(project, service, environment, ts_ms, group_id=…, …) # by who knows the group
            sums.request(…), sums.sessions(…), sums.resource(…), sums.outcome(…)
    tick    yield from sums.drain(now_ms, {s.partition for s in caught_up})
            yield from sums.marks(now_ms)                                   # process only, last

``ts_ms`` is the clamped event time (``progress.clamp``). ``read`` may be called twice for a record:
an unreadable one has an offset but no event time, so note the offset before decoding. Every number
is an integer and every merge commutes, so neither the order of events nor where a batch ends
changes a window. ``group`` calls ``progress.pass_on`` for each mark instead of a watermark, and
``drain`` without ``caught_up``: its silent sources move by the marks that arrive.
"""

from collections.abc import Collection
from typing import Final, Literal

from pipeline.frames.codec import LIMIT, encode_parts
from pipeline.frames.progress import Progress
from pipeline.frames.sketch import bucket_of
from pipeline.model.frame import (
    VERSION,
    Frame,
    GroupRow,
    OutcomeRow,
    ResourceRow,
    Row,
    ServiceRow,
    Sources,
)
from pipeline.model.partition import partition_of
from pipeline.model.stage import Sent

TOPIC: Final = "frames"

Outcome = Literal["accepted", "aggregated", "duplicate", "sampled", "filtered", "dead_lettered"]
_Series = tuple[str, str, str, int]
_Issue = tuple[str, str, str, int, str]


class Combiner:
    """Open sums of one micro-batch, and the progress of its sources."""

    def __init__(
        self,
        *,
        stage: Literal["process", "group"],
        window_s: int,
        partitions: int,
        n_sources: int,
        heartbeat_s: float = 5,
        limit: int = LIMIT,
    ) -> None:
        self.progress = Progress(heartbeat_s)
        self._stage: Literal["process", "group"] = stage
        self._window_ms = window_s * 1000
        self._partitions = partitions
        self._n_sources = n_sources
        self._limit = limit
        self._homes: dict[tuple[str, str], int] = {}
        self._services: dict[_Series, ServiceRow] = {}
        self._issues: dict[_Issue, GroupRow] = {}
        self._resources: dict[_Issue, ResourceRow] = {}
        self._outcomes: dict[tuple[str, str, int, str, str, str], OutcomeRow] = {}

    def event(
        self,
        project: str,
        service: str,
        environment: str,
        ts_ms: int,
        *,
        level: str,
        handled: bool = True,
        user: int = 0,
    ) -> None:
        """Count an error event of a service, stored or not."""
        row = self._service(project, service, environment, ts_ms)
        if level == "error":
            row.error += 1
        elif level == "fatal":
            row.fatal += 1
        elif level == "warning":
            row.warning += 1
        else:
            row.other += 1
        if not handled:
            row.unhandled += 1
        if user:
            row.users.append(user)

    def issue(
        self,
        project: str,
        service: str,
        environment: str,
        ts_ms: int,
        *,
        group_id: str,
        title: str,
        event_id: str,
        handled: bool = True,
        user: int = 0,
    ) -> None:
        """Count an event of a group; the newest event stands for it, by time and then by id."""
        key = (project, service, environment, ts_ms // self._window_ms, group_id)
        row = self._issues.get(key)
        if row is None:
            bucket = key[3] * self._window_ms
            row = self._issues[key] = GroupRow(
                *key[:3], bucket, group_id, title, 0, 0, ts_ms, ts_ms, event_id
            )
        row.n += 1
        if not handled:
            row.unhandled += 1
        row.min_ts = min(row.min_ts, ts_ms)
        if ts_ms > row.max_ts or (ts_ms == row.max_ts and event_id > row.event_id):
            row.max_ts, row.event_id, row.title = ts_ms, event_id, title
        if user:
            row.users.append(user)

    def request(
        self,
        project: str,
        service: str,
        environment: str,
        ts_ms: int,
        *,
        duration_ms: float,
        failed: bool,
        apdex_ms: int,
        user: int = 0,
        n: int = 1,
    ) -> None:
        """Count n requests of one duration; tolerated is up to four times ``apdex_ms``."""
        row = self._service(project, service, environment, ts_ms)
        row.requests += n
        if failed:
            row.failed += n
        if duration_ms <= apdex_ms:
            row.satisfied += n
        elif duration_ms <= 4 * apdex_ms:
            row.tolerating += n
        k = bucket_of(duration_ms)
        row.latency[k] = row.latency.get(k, 0) + n
        row.latency_sum_us += round(duration_ms * 1000) * n
        if user:
            row.users.append(user)

    def sessions(
        self,
        project: str,
        service: str,
        environment: str,
        ts_ms: int,
        *,
        started: int = 0,
        errored: int = 0,
        crashed: int = 0,
        abnormal: int = 0,
    ) -> None:
        """Count sessions by how they ended."""
        row = self._service(project, service, environment, ts_ms)
        row.sessions += started
        row.sessions_errored += errored
        row.sessions_crashed += crashed
        row.sessions_abnormal += abnormal

    def resource(
        self,
        project: str,
        service: str,
        environment: str,
        ts_ms: int,
        *,
        host: str,
        cpu_percent: float,
        memory_percent: float,
        disk_free_percent: float,
        memory_rss: int = 0,
    ) -> None:
        """Add a host's sample; percentages are kept in thousandths of a point."""
        key = (project, service, environment, ts_ms // self._window_ms, host)
        row = self._resources.get(key)
        if row is None:
            bucket = key[3] * self._window_ms
            row = self._resources[key] = ResourceRow(*key[:3], bucket, host)
        cpu, memory, disk = (
            round(percent * 1000) for percent in (cpu_percent, memory_percent, disk_free_percent)
        )
        row.samples += 1
        row.cpu_sum += cpu
        row.cpu_max = max(row.cpu_max, cpu)
        row.memory_sum += memory
        row.memory_max = max(row.memory_max, memory)
        row.memory_rss_max = max(row.memory_rss_max, memory_rss)
        row.disk_free_sum += disk
        row.disk_free_min = min(row.disk_free_min, disk)

    def outcome(
        self,
        project: str,
        service: str,
        broker_ms: int,
        *,
        kind: str,
        outcome: Outcome,
        reason: str = "",
        n: int = 1,
    ) -> None:
        """Account for n events of a kind by the broker's time of receipt."""
        key = (project, service, broker_ms // self._window_ms, kind, outcome, reason)
        row = self._outcomes.get(key)
        if row is None:
            bucket = key[2] * self._window_ms
            row = self._outcomes[key] = OutcomeRow(
                project, service, bucket, kind, outcome, reason, 0
            )
        row.n += n

    def drain(self, now_ms: int, caught_up: Collection[int] = ()) -> list[Sent]:
        """Return the batch's frames, one for every partition, and begin anew.

        Nothing read and no heartbeat due: no frame. ``caught_up`` are the sources read to their
        end, whose silence tells that time went by.
        """
        sources = self.progress.take(now_ms, self.progress.beat(now_ms, caught_up))
        shares = self._shares()
        if not sources and not any(shares):
            return []
        return [
            Sent(topic=TOPIC, value=part, partition=partition)
            for partition, rows in enumerate(shares)
            for part in self._parts(sources, rows)
        ]

    def marks(self, now_ms: int) -> list[Sent]:
        """Return the marks that are due behind this batch's novel events."""
        return self.progress.marks(now_ms, self._partitions)

    def _service(self, project: str, service: str, environment: str, ts_ms: int) -> ServiceRow:
        """Return the open row of a series and bucket."""
        key = (project, service, environment, ts_ms // self._window_ms)
        row = self._services.get(key)
        if row is None:
            bucket = key[3] * self._window_ms
            row = self._services[key] = ServiceRow(project, service, environment, bucket)
        return row

    def _shares(self) -> list[list[Row]]:
        """Return the rows of each partition, users without repeats, and forget them."""
        shares: list[list[Row]] = [[] for _ in range(self._partitions)]
        counted: list[ServiceRow | GroupRow] = [*self._services.values(), *self._issues.values()]
        for row in counted:
            row.users = sorted(set(row.users))
            shares[self._home(row.service, row.environment)].append(row)
        for sample in self._resources.values():
            shares[self._home(sample.service, sample.environment)].append(sample)
        for account in self._outcomes.values():
            shares[self._home(account.service, "")].append(account)
        self._services, self._issues, self._resources, self._outcomes = {}, {}, {}, {}
        return shares

    def _home(self, service: str, environment: str) -> int:
        """Return the partition of a series; an outcome has no environment."""
        home = self._homes.get((service, environment))
        if home is None:
            if len(self._homes) >= 100_000:
                self._homes.clear()
            home = self._homes[service, environment] = partition_of(
                self._partitions, service, environment
            )
        return home

    def _parts(self, sources: Sources, rows: list[Row]) -> list[bytes]:
        """Return the bytes of one partition's frame."""
        frame = Frame(VERSION, self._stage, self._n_sources, sources, rows)
        return list(encode_parts(frame, self._limit))
