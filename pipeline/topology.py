"""The map: who reads what, who writes what, and which engine runs it.

    clients ─▶ gateway ─▶ events.raw ─▶ process ──────────▶ events.grouped ─▶ sink ─▶ ClickHouse
                                          │ unknown              ▲
                                          ▼                      │
                                     events.novel ─▶ group ──────┘ ─▶ groups, signals
                       people ─▶ actions ─▶ group
    process, group ─▶ frames ─▶ aggregate ─▶ windows ─▶ detect ─▶ metrics, signals
    metrics, signals ─▶ alert ─▶ alerts, notifications ─▶ notify ─▶ channels
    anything unreadable, at any stage ─▶ dead-letters

Nothing else knows who follows whom: topics, metrics labels and the README's picture come from here.
"""

from typing import Literal

import msgspec

Engine = Literal["asgi", "loop", "faust", "deliver", "sink"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: what it reads and writes, and how its state comes back.

    ``recalls``: compacted topics read whole, or only the partitions that the worker is assigned if
    the topic is in ``own``. ``reads_back``: the input is read back over the dedupe horizon.
    """

    name: str
    engine: Engine
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    recalls: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    reads_back: bool = False


STAGES: tuple[Row, ...] = (
    Row(
        name="gateway",
        engine="asgi",
        writes=("events.raw", "client-reports", "dead-letters"),
    ),
    Row(
        name="process",
        engine="loop",
        reads=("events.raw",),
        writes=("events.grouped", "events.novel", "frames", "process.state", "dead-letters"),
        recalls=("groups", "process.state"),
        own=("process.state",),
        reads_back=True,
    ),
    Row(
        name="group",
        engine="loop",
        reads=("events.novel", "actions"),
        writes=(
            "events.grouped",
            "events.novel",
            "groups",
            "frames",
            "signals",
            "dead-letters",
        ),
        recalls=("groups",),
    ),
    Row(
        name="aggregate",
        engine="loop",
        reads=("frames",),
        writes=("windows", "aggregate.state", "dead-letters"),
        recalls=("aggregate.state",),
        own=("aggregate.state",),
    ),
    Row(
        name="detect",
        engine="faust",
        reads=("windows",),
        writes=("metrics", "signals", "tocsin-detect-v1-series-changelog", "dead-letters"),
    ),
    Row(
        name="alert",
        engine="loop",
        reads=("metrics", "signals"),
        writes=("alerts", "notifications", "dead-letters"),
        recalls=("alerts",),
        own=("alerts",),
    ),
    Row(
        name="notify",
        engine="deliver",
        reads=("notifications",),
        writes=("notifications.log", "dead-letters"),
        recalls=("notifications.log",),
    ),
    Row(
        name="sink",
        engine="sink",
        reads=(
            "events.grouped",
            "groups",
            "windows",
            "signals",
            "actions",
            "alerts",
            "notifications.log",
            "dead-letters",
            "client-reports",
        ),
        writes=("dead-letters",),
    ),
    Row(
        name="api",
        engine="asgi",
        reads=("events.grouped", "alerts"),
    ),
)

BY_NAME = {row.name: row for row in STAGES}
