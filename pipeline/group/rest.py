"""When an issue that was put to rest comes back: resolved, or ignored until something is reached.

``ignored_until`` is written as people read it: ``100 events``, ``10 users`` or a time.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from msgspec.structs import replace

from pipeline.group.release import is_same_or_later
from pipeline.model.action import Ignore
from pipeline.model.group import IssueState, Tally
from pipeline.model.grouped import Grouped


class Limit(NamedTuple):
    """What ends that an issue is ignored; nothing set means never."""

    events: int = 0
    users: int = 0
    until: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether somebody has to count."""
        return bool(self.events or self.users)


def written(wanted: Ignore) -> str:
    """Return the limit of an action as the issue's state has it."""
    if wanted.until is not None:
        return wanted.until.astimezone(UTC).isoformat(timespec="milliseconds")
    if wanted.events:
        return f"{wanted.events} events"
    return f"{wanted.users} users" if wanted.users else ""


def limit_of(text: str) -> Limit:
    """Return what ``written`` wrote; what it did not write never ends."""
    number, _, unit = text.partition(" ")
    if number.isdecimal() and unit == "events":
        return Limit(events=int(number))
    if number.isdecimal() and unit == "users":
        return Limit(users=int(number))
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        return Limit()
    return Limit(until=until if until.tzinfo else until.replace(tzinfo=UTC))


def has_regressed(state: IssueState, row: Grouped) -> bool:
    """Tell whether an event is from after its issue was resolved, or from the release it was."""
    if state.status != "resolved" or row.ts <= (state.resolved_at or state.updated_at):
        return False
    wanted = state.resolved_in_release
    return not wanted or is_same_or_later(row.release, wanted)


def has_escalated(state: IssueState, row: Grouped, tally: Tally) -> bool:
    """Tell whether an event, counted already, reaches what its issue is ignored until."""
    limit = limit_of(state.ignored_until)
    return bool(
        (limit.events and tally.events >= limit.events)
        or (limit.users and len(tally.users) >= limit.users)
        or (limit.until and row.ts >= limit.until)
    )


def woken(state: IssueState, ts: datetime, now: datetime) -> IssueState:
    """Return an issue that came back with an event."""
    return replace(
        state,
        status="open",
        resolved_in_release="",
        resolved_at=None,
        ignored_until="",
        episode_started_at=ts,
        updated_at=now,
        updated_by="pipeline",
        version=state.version + 1,
    )
