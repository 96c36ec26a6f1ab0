"""The one place where the time is read."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; tests pass one that they move themselves."""

    def now(self) -> datetime:
        """Return the time of day in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)  # noqa: TID251  the shell reads the clock here and nowhere else


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """Return the time it was set to."""
        return self._at

    def set(self, at: datetime) -> None:
        """Move to another time."""
        self._at = at
