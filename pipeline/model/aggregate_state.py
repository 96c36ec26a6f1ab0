"""Topic ``aggregate.state``: what a restart of ``aggregate`` needs, one record per partition."""

import msgspec


class ClockRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The clock of one frames partition.

    ``next_offset``: frames below it have been counted; ``closed_ms``: windows ending at or before
    it are closed; ``watermarks`` and ``quiet_ms`` per source (``raw/3``, ``novel/0``);
    ``group_closed_ms``: the same for groups, which wait for events.novel too; ``covered``: the last
    offset that frames counted per source; ``number``: the last record written to ``windows``;
    ``series``: (project, service, environment) and when it was last seen, for empty windows.
    """

    partition: int
    next_offset: int
    closed_ms: int
    watermarks: dict[str, int]
    quiet_ms: dict[str, int]
    last_frame_ms: int = 0
    group_closed_ms: int = 0
    covered: dict[str, int] = {}
    number: int = 0
    series: list[tuple[str, str, str, int]] = []
