"""Topic ``signals``: things worth knowing that are not values: anomalies and the life of issues.

``signal_id`` is the uuid5 of what it describes, so that a repeat replaces itself.
"""

from datetime import datetime
from typing import Literal

import msgspec

Kind = Literal["anomaly", "new", "regressed", "escalating", "users", "first_in_release"]


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A column of ``tocsin.signals`` per field; ``title`` and ``merged_into`` are for notices."""

    signal_id: str
    kind: Kind
    at: datetime
    window_start: datetime
    window_end: datetime
    project: str
    service: str
    environment: str
    group_id: str = ""
    metric: str = ""
    detector: str = ""
    type: str = ""
    severity: str = "warning"
    resolved: bool = False
    observed: float = 0.0
    expected: float = 0.0
    lower: float = 0.0
    upper: float = 0.0
    score: float = 0.0
    numerator: int = 0
    denominator: int = 0
    explanation: str = ""
    title: str = ""
    merged_into: str = ""
