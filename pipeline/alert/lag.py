"""Whether first notices wait: draining a backlog must not page for the past."""

from datetime import datetime, timedelta

import msgspec

LIMIT = timedelta(minutes=2)
LONGEST = timedelta(minutes=2)


class Lag(msgspec.Struct, frozen=True):
    """How far a series' clock is behind, and whether it catches up."""

    behind: timedelta
    falling: bool = True

    def after(self, as_of: datetime, now: datetime) -> "Lag":
        """Return the lag after another record."""
        behind = now - as_of
        return Lag(behind, falling=behind < self.behind)

    def holds(self, due_at: datetime, now: datetime) -> bool:
        """Whether a notice due since then waits: not for ever, and not if nothing improves."""
        return self.falling and self.behind > LIMIT and now < due_at + LONGEST
