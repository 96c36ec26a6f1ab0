"""What one partition's owner keeps of its issues: states, what people did to them, what they saw.

Its records go to the partition of ``groups`` with its own number, each kind under keys of its own,
in the transaction of the event or the action that they follow from.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from pipeline.group import actions, rest, signals
from pipeline.group.issues import Issues
from pipeline.model.action import Action, Merge, Undo
from pipeline.model.group import Applied, IssueState, Tally
from pipeline.model.novel import Novel
from pipeline.model.partition import partition_of
from pipeline.model.signal import Signal
from pipeline.model.stage import Unreadable

# As long as ``actions`` itself: what is gone there cannot come again.
REMEMBERED: Final = timedelta(days=30)
_SWEEP: Final = timedelta(hours=1)


class Followed(NamedTuple):
    """What follows from an action or an event: new states, their signals, what was applied."""

    states: list[IssueState]
    signals: list[Signal]
    applied: Applied | None = None


class _Seen:
    """What an ignored issue has seen, being counted."""

    def __init__(self, tally: Tally) -> None:
        self.events = tally.events
        self.users = set(tally.users)


class Owner:
    """The issues of one partition."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self.issues = Issues()
        self._applied: dict[UUID, Applied] = {}
        self._seen: dict[str, _Seen] = {}
        self._counted: set[str] = set()
        self._swept: datetime | None = None

    def recall(self, record: IssueState | Applied | Tally) -> None:
        """Take a record that this owner wrote."""
        if isinstance(record, IssueState):
            self.issues.put(record)
        elif isinstance(record, Applied):
            self._applied[record.action_id] = record
        else:
            self._seen[record.group_id] = _Seen(record)

    def act(self, action: Action) -> Followed:
        """Fold an action in; a repeat changes nothing; raises Unreadable."""
        if action.action_id in self._applied:
            return Followed([], [])
        if isinstance(action, Merge):
            self._check_home(action)
        undone = self._applied.get(action.undone) if isinstance(action, Undo) else None
        states = actions.changes_of(action, self.issues, undone)
        applied = actions.applied(action, self.issues, states)
        self._applied[action.action_id] = applied
        joined = [
            state
            for state, change in zip(states, applied.changes, strict=True)
            if state.merged_into and not change.before.merged_into
        ]
        self._put(states)
        return Followed(states, [signals.new(state) for state in joined], applied)

    def _check_home(self, action: Merge) -> None:
        """Refuse to merge into a group that would have to be here, and is not."""
        home = partition_of(self._partitions, action.into_service, action.into_type)
        if home == self._partition and self.issues.get(action.into) is None:
            raise Unreadable("action_refused", f"no issue {action.into} to merge into")

    def wake(self, issue: IssueState, novel: Novel, now: datetime) -> Followed:
        """Return what an event does to an issue at rest: it comes back, or one more is counted."""
        row = novel.row
        if rest.has_regressed(issue, row):
            state = rest.woken(issue, row.ts, now)
            self._put([state])
            return Followed([state], [signals.regressed(state)])
        if issue.status == "ignored" and issue.ignored_until:
            tally = self._count(issue, novel)
            if rest.has_escalated(issue, row, tally):
                state = rest.woken(issue, row.ts, now)
                self._put([state])
                return Followed([state], [signals.escalating(state, issue.ignored_until, tally)])
        return Followed([], [])

    def tallies(self) -> Iterator[tuple[str, Tally | None]]:
        """Yield what was counted since the last time, None for what counts no more."""
        for group_id in sorted(self._counted):
            seen = self._seen.get(group_id)
            yield group_id, None if seen is None else _tally(group_id, seen)
        self._counted.clear()

    def forgotten(self, now: datetime) -> list[UUID]:
        """Forget the actions of long ago; return their ids."""
        if self._swept is not None and now - self._swept < _SWEEP:
            return []
        self._swept = now
        old = [name for name, it in self._applied.items() if now - it.at > REMEMBERED]
        for name in old:
            del self._applied[name]
        return old

    def _count(self, issue: IssueState, novel: Novel) -> Tally:
        """Count an event of an ignored issue."""
        if not rest.limit_of(issue.ignored_until).counts:
            return Tally(group_id=issue.group_id)
        seen = self._seen.setdefault(issue.group_id, _Seen(Tally(group_id=issue.group_id)))
        seen.events += 1
        if novel.user_hash and issue.ignored_until.endswith(" users"):
            seen.users.add(novel.user_hash)
        self._counted.add(issue.group_id)
        return _tally(issue.group_id, seen)

    def _put(self, states: Iterable[IssueState]) -> None:
        """Take new states; what was counted for the ones before counts no more."""
        for state in states:
            before = self.issues.get(state.group_id)
            self.issues.put(state)
            is_same = before is not None and before.ignored_until == state.ignored_until
            if not is_same and self._seen.pop(state.group_id, None) is not None:
                self._counted.add(state.group_id)


def _tally(group_id: str, seen: _Seen) -> Tally:
    """Return what was counted."""
    return Tally(group_id=group_id, events=seen.events, users=sorted(seen.users))
