"""What a detector is and what it answers."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from pipeline.detect.baseline import Point


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is out of the ordinary, and by how much."""

    metric: str
    observed: float
    expected: float
    upper: float
    n: int
    numerator: int = 0
    denominator: int = 0
    explanation: str


class Detector(Protocol):
    """Judges the newest point of a series by those before it."""

    @property
    def name(self) -> str:
        """The name that rules use: ``anomaly:<name>``."""

    @property
    def type(self) -> str:
        """What kind of anomaly it finds."""

    @property
    def severity(self) -> str:
        """How bad that is."""

    @property
    def version(self) -> int:
        """Part of the id of its signals: another version may judge otherwise."""

    def judge(self, history: Sequence[Point], point: Point) -> Anomaly | None:
        """Return what is wrong with ``point``; ``history`` does not contain it."""
