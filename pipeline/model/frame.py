"""Topic ``frames``: what one micro-batch of ``process`` or ``group`` adds to the windows.

msgpack arrays, version first. Counts are integers and weights thousandths, since float sums
depend on where a batch ends. ``bucket_ms`` is the start of the window, floor(event time / W) * W.
"""

from typing import Literal

import msgspec

VERSION = 1

Sources = dict[int, tuple[int, int, int]]


class ServiceRow(msgspec.Struct, array_like=True, tag="s", gc=False):
    """Sums of one service, environment and bucket.

    ``latency`` maps k = ceil(ln ms / ln 1.02) to a count; ``latency_sum_us`` is in microseconds;
    ``users`` are 64-bit hashes of the user ids seen.
    """

    project: str
    service: str
    environment: str
    bucket_ms: int
    fatal: int = 0
    error: int = 0
    warning: int = 0
    other: int = 0
    unhandled: int = 0
    requests: int = 0
    failed: int = 0
    satisfied: int = 0
    tolerating: int = 0
    latency: dict[int, int] = {}
    latency_sum_us: int = 0
    sessions: int = 0
    sessions_errored: int = 0
    sessions_crashed: int = 0
    sessions_abnormal: int = 0
    users: list[int] = []


class GroupRow(msgspec.Struct, array_like=True, tag="g", gc=False):
    """Sums of one group, environment and bucket."""

    project: str
    service: str
    environment: str
    bucket_ms: int
    group_id: str
    title: str
    n: int
    unhandled: int
    min_ts: int
    max_ts: int
    event_id: str
    users: list[int] = []


class ResourceRow(msgspec.Struct, array_like=True, tag="r", gc=False):
    """Sums of one host's samples in a bucket; percentages in thousandths of a point."""

    project: str
    service: str
    environment: str
    bucket_ms: int
    host: str
    samples: int = 0
    cpu_sum: int = 0
    cpu_max: int = 0
    memory_sum: int = 0
    memory_max: int = 0
    memory_rss_max: int = 0
    disk_free_sum: int = 0
    disk_free_min: int = 100_000


class OutcomeRow(msgspec.Struct, array_like=True, tag="o", gc=False):
    """How many events of a kind had an outcome; ``bucket_ms`` is by the broker's receipt."""

    project: str
    service: str
    bucket_ms: int
    event_kind: str
    outcome: Literal["accepted", "aggregated", "duplicate", "sampled", "filtered", "dead_lettered"]
    reason: str
    n: int


Row = ServiceRow | GroupRow | ResourceRow | OutcomeRow


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """One micro-batch's share of one partition of ``frames``.

    ``sources`` maps each partition of the stage's input to (first offset, last offset, watermark
    in ms); first > last means that nothing was read and only the watermark counts. A frame that
    was split carries its sources in the last part alone.
    """

    v: int
    stage: Literal["process", "group"]
    n_sources: int
    sources: Sources
    rows: list[Row]
