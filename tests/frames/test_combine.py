"""Sums of a micro-batch: complete, integer, and the same however batches are cut."""

from collections import Counter, defaultdict
from typing import Any, NamedTuple

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.frames.codec import decode
from pipeline.frames.combine import Combiner
from pipeline.frames.sketch import bucket_of
from pipeline.model.frame import (
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


class Seen(NamedTuple):
    """An event as a stage counts it."""

    service: str
    environment: str
    ts_ms: int
    level: str
    handled: bool
    user: int
    group: str


EVENTS = st.lists(
    st.builds(
        Seen,
        st.sampled_from(["shop", "auth"]),
        st.sampled_from(["production", "stage"]),
        st.integers(0, 200_000),
        st.sampled_from(["fatal", "error", "warning", "info"]),
        st.booleans(),
        st.integers(0, 3),
        st.sampled_from(["a", "b"]),
    ),
    max_size=40,
)


def a_combiner(**overrides: Any) -> Combiner:
    """Return a combiner of four partitions and minutes."""
    settings: dict[str, Any] = {"stage": "process", "window_s": 60, "partitions": 4, "n_sources": 2}
    return Combiner(**(settings | overrides))


def count(sums: Combiner, seen: Seen, offset: int) -> None:
    """Count one event as a stage does."""
    series = ("default", seen.service, seen.environment, seen.ts_ms)
    sums.progress.read(0, offset, seen.ts_ms)
    sums.event(*series, level=seen.level, handled=seen.handled, user=seen.user)
    sums.issue(
        *series,
        group_id=seen.group,
        title=f"t{seen.ts_ms}",
        event_id=f"{seen.ts_ms:06}{seen.group}",
        handled=seen.handled,
        user=seen.user,
    )
    duration = float(seen.ts_ms % 3000)
    sums.request(*series, duration_ms=duration, failed=not seen.handled, apdex_ms=500)


def frames_of(sent: list[Sent]) -> list[Frame]:
    """Return the decoded frames."""
    return [decode(message.value) for message in sent]


class Total:
    """What all frames say of one key."""

    def __init__(self) -> None:
        self.sums: Counter[str] = Counter()
        self.users: set[int] = set()
        self.times: list[int] = []
        self.newest = (-1, "", "")

    def add(self, row: Row) -> None:
        """Merge a row, as a window does."""
        if isinstance(row, ServiceRow):
            fields = msgspec.structs.asdict(row)
            self.sums.update({k: n for k, n in fields.items() if isinstance(n, int)})
            self.sums.update({f"latency {k}": n for k, n in row.latency.items()})
            self.users.update(row.users)
        elif isinstance(row, GroupRow):
            self.sums.update({"n": row.n, "unhandled": row.unhandled})
            self.users.update(row.users)
            self.newest = max(self.newest, (row.max_ts, row.event_id, row.title))
            self.times = [min([*self.times, row.min_ts])]
        del self.sums["bucket_ms"]


def totals(frames: list[Frame]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return what the frames say of each key."""
    found: dict[tuple[str, ...], Total] = defaultdict(Total)
    for frame in frames:
        for row in frame.rows:
            assert isinstance(row, ServiceRow | GroupRow)
            group = row.group_id if isinstance(row, GroupRow) else ""
            found[row.service, row.environment, str(row.bucket_ms), group].add(row)
    return {key: vars(total) for key, total in found.items()}


@given(EVENTS, st.permutations(range(40)), st.lists(st.integers(0, 40), max_size=5))
def test_order_and_batches_change_nothing(
    events: list[Seen], order: list[int], cuts: list[int]
) -> None:
    """4.3 The sums of all frames are equal for any order of arrival and any batch boundaries."""
    whole = a_combiner()
    for offset, seen in enumerate(events):
        count(whole, seen, offset)
    cut = a_combiner(limit=200)
    frames = []
    for offset, place in enumerate(i for i in order if i < len(events)):
        count(cut, events[place], offset)
        if offset in cuts:
            frames += frames_of(cut.drain(0))
    frames += frames_of(cut.drain(0))

    assert totals(frames) == totals(frames_of(whole.drain(0)))


@given(EVENTS)
def test_each_event_counts_once(events: list[Seen]) -> None:
    """Every event is in exactly one service row and one group row, in the window of its time."""
    sums = a_combiner()
    for offset, seen in enumerate(events):
        count(sums, seen, offset)
    rows = [row for frame in frames_of(sums.drain(0)) for row in frame.rows]
    services = [row for row in rows if isinstance(row, ServiceRow)]

    assert sum(row.fatal + row.error + row.warning + row.other for row in services) == len(events)
    assert sum(row.n for row in rows if isinstance(row, GroupRow)) == len(events)
    assert all(row.bucket_ms % 60_000 == 0 for row in rows)


@given(EVENTS)
def test_rows_go_home(events: list[Seen]) -> None:
    """A series is always in the partition of its service and environment."""
    sums = a_combiner()
    for offset, seen in enumerate(events):
        count(sums, seen, offset)

    for message in sums.drain(0):
        for row in decode(message.value).rows:
            assert isinstance(row, ServiceRow | GroupRow)
            assert message.partition == partition_of(4, row.service, row.environment)


def test_every_partition_gets_a_frame() -> None:
    """One event makes four frames, each with the same sources and stage."""
    sums = a_combiner()
    count(
        sums, Seen("shop", "production", 90_000, level="error", handled=True, user=0, group="a"), 17
    )

    sent = sums.drain(0)
    expected: Sources = {0: (17, 17, 90_000)}

    assert [message.partition for message in sent] == [0, 1, 2, 3]
    assert {message.topic for message in sent} == {"frames"}
    assert [(f.stage, f.n_sources, f.sources) for f in frames_of(sent)] == [
        ("process", 2, expected)
    ] * 4


def test_nothing_to_tell_is_no_frame() -> None:
    """A tick without records and without a due heartbeat writes nothing."""
    sums = a_combiner()

    assert sums.drain(0) == []


def test_a_heartbeat_is_an_empty_frame_for_every_partition() -> None:
    """A silent source's watermark reaches all of aggregate."""
    sums = a_combiner()

    frames = frames_of(sums.drain(50_000, caught_up={1}))

    assert [(frame.rows, frame.sources) for frame in frames] == [([], {1: (0, -1, 40_000)})] * 4


def test_a_split_share_keeps_its_sources_for_the_end() -> None:
    """A partition's frame above the limit is cut, and its watermark comes last."""
    sums = a_combiner(partitions=1, limit=300)
    for offset in range(30):
        count(
            sums,
            Seen(
                "shop",
                "production",
                offset * 60_000,
                level="error",
                handled=True,
                user=1,
                group="a",
            ),
            offset,
        )

    frames = frames_of(sums.drain(0))

    assert len(frames) > 1
    assert [bool(frame.sources) for frame in frames] == [False] * (len(frames) - 1) + [True]


def test_requests_are_measured() -> None:
    """6.12 A request is satisfied up to T, tolerated up to 4 T, and in its latency bucket."""
    sums = a_combiner(partitions=1)
    for duration in (500.0, 500.5, 2000.0, 2001.0):
        sums.request(
            "default", "shop", "production", 0, duration_ms=duration, failed=True, apdex_ms=500
        )

    [row] = frames_of(sums.drain(0))[0].rows

    assert isinstance(row, ServiceRow)
    assert (row.requests, row.failed, row.satisfied, row.tolerating) == (4, 4, 1, 2)
    assert row.latency_sum_us == 5_001_500
    assert row.latency == Counter(bucket_of(d) for d in (500.0, 500.5, 2000.0, 2001.0))


def test_resources_keep_sums_and_extremes() -> None:
    """Percentages add up as thousandths, so no sum depends on its order."""
    sums = a_combiner(partitions=1)
    for cpu, disk in ((10.0, 40.0), (30.5, 20.0)):
        sums.resource(
            "default",
            "shop",
            "production",
            1,
            host="h1",
            cpu_percent=cpu,
            memory_percent=50.0,
            disk_free_percent=disk,
            memory_rss=7,
        )

    [row] = frames_of(sums.drain(0))[0].rows

    assert row == ResourceRow(
        "default",
        "shop",
        "production",
        0,
        "h1",
        2,
        40_500,
        30_500,
        100_000,
        50_000,
        7,
        60_000,
        20_000,
    )


def test_outcomes_are_counted_by_receipt() -> None:
    """Each kind, outcome and reason has a row of its own."""
    sums = a_combiner(partitions=1)
    for _ in range(3):
        sums.outcome("default", "shop", 61_000, kind="error", outcome="accepted")
    sums.outcome("default", "shop", 61_000, kind="error", outcome="duplicate", reason="event_id")

    assert frames_of(sums.drain(0))[0].rows == [
        OutcomeRow("default", "shop", 60_000, "error", "accepted", "", 3),
        OutcomeRow("default", "shop", 60_000, "error", "duplicate", "event_id", 1),
    ]


def test_sessions_are_counted() -> None:
    """Sessions add up by how they ended."""
    sums = a_combiner(partitions=1)
    sums.sessions("default", "shop", "production", 0, started=5, crashed=1)
    sums.sessions("default", "shop", "production", 0, started=2, errored=1, abnormal=1)

    [row] = frames_of(sums.drain(0))[0].rows

    assert isinstance(row, ServiceRow)
    assert [
        row.sessions,
        row.sessions_errored,
        row.sessions_crashed,
        row.sessions_abnormal,
    ] == [7, 1, 1, 1]
