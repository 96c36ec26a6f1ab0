"""What a condition says of one message, with the reason and the numbers behind it."""

from datetime import datetime
from enum import StrEnum

import msgspec

from pipeline.model.metric import TopIssue


class Finding(StrEnum):
    """Why a condition holds, does not hold, or cannot be judged."""

    BREACH = "breach"
    WITHIN = "within threshold"
    TOO_FEW_REQUESTS = "fewer requests than min_volume"
    TOO_FEW_EVENTS = "fewer failures than min_events"
    NOT_PROVEN = "beyond the threshold, but chance explains it"
    NO_DATA = "no data"
    NOT_COVERED = "the window is not yet full"
    RAISED = "raised"
    ENDED = "ended"
    MERGED = "merged into another issue"

    @property
    def holds(self) -> bool:
        """Whether the condition is met."""
        return self in {Finding.BREACH, Finding.RAISED}

    @property
    def is_unknown(self) -> bool:
        """Whether there is nothing to judge by."""
        return self in {Finding.NO_DATA, Finding.NOT_COVERED}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation; times are event times."""

    finding: Finding
    as_of: datetime
    window_start: datetime
    window_end: datetime
    group_id: str = ""
    value: float | None = None
    threshold: float = 0.0
    op: str = ""
    window_s: int = 0
    numerator: int = 0
    denominator: int = 0
    subject: str = ""
    explanation: str = ""
    top: list[TopIssue] = []
