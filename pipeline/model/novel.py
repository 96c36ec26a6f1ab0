"""Topic ``events.novel``: events whose fingerprint is unknown, on their way to the owner.

Marks ride along behind the events of a transaction: header ``mark`` (any value), value = JSON of
``Mark``. Only ``group`` reads them.
"""

from typing import Literal

import msgspec

from pipeline.model.group import CanonicalKey
from pipeline.model.grouped import Grouped


class Novel(msgspec.Struct, frozen=True, kw_only=True):
    """An event that needs the owner's decision; ``row.group_id`` holds the fingerprint so far.

    ``part`` tells what is to be made of it: in a flood most events are counted and not stored, and
    the row of one that was counted before may come later, with the weight of the others.
    """

    key: CanonicalKey
    template: str
    title: str
    user_hash: int = 0
    received_ms: int
    row: Grouped
    part: Literal["whole", "count", "row"] = "whole"


class Mark(msgspec.Struct, frozen=True):
    """How far each partition of ``events.raw`` has been passed on, in ms of event time."""

    watermarks: dict[int, int]
