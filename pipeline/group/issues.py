"""The life of an issue: opened by its first event, merged, come back after it was resolved.

Each change is the whole new state with the next version number. ``merged_into`` always names a
root, so a reader needs one step.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from pipeline.model.group import IssueState
from pipeline.model.novel import Novel


class Issues:
    """The newest state of each issue that this worker owns."""

    def __init__(self) -> None:
        self._states: dict[str, IssueState] = {}
        self._members: dict[str, set[str]] = defaultdict(set)

    def recall(self, state: IssueState) -> None:
        """Take a published state; the last one counts."""
        self._states[state.group_id] = state
        if state.merged_into:
            self._members[state.merged_into].add(state.group_id)

    def get(self, group_id: str) -> IssueState | None:
        """Return the state of the issue that stands for this group now."""
        state = self._states.get(group_id)
        if state is not None and state.merged_into:
            return self._states.get(state.merged_into, state)
        return state

    def open(self, novel: Novel, group_id: str, now: datetime) -> IssueState:
        """Open an issue with its first event."""
        row = novel.row
        state = IssueState(
            project=row.project,
            group_id=group_id,
            title=novel.title,
            error_type=row.error_type,
            culprit=row.culprit,
            service=row.service,
            environment=row.environment,
            level=row.level,
            template=novel.template,
            first_seen=row.ts,
            first_release=row.release,
            episode_started_at=row.ts,
            updated_at=now,
            version=1,
        )
        self._states[group_id] = state
        return state

    def merge(self, losers: Iterable[str], into: str, now: datetime) -> list[IssueState]:
        """Let one issue stand for these and for what they stood for; return what changed."""
        target = self._states.get(into)
        root = target.merged_into if target is not None and target.merged_into else into
        changed = []
        for loser in losers:
            for group_id in (loser, *sorted(self._members.pop(loser, ()))):
                state = self._states.get(group_id)
                if state is None or group_id == root:
                    continue
                merged = replace(
                    state,
                    status="merged",
                    merged_into=root,
                    updated_at=now,
                    updated_by="pipeline",
                    version=state.version + 1,
                )
                self._members[root].add(group_id)
                self._states[group_id] = merged
                changed.append(merged)
        return changed

    def regress(self, state: IssueState, ts: datetime, now: datetime) -> IssueState | None:
        """Reopen a resolved issue for an event from after it was resolved."""
        if state.status != "resolved" or ts <= state.updated_at:
            return None
        reopened = replace(
            state,
            status="open",
            resolved_in_release="",
            episode_started_at=ts,
            updated_at=now,
            updated_by="pipeline",
            version=state.version + 1,
        )
        self._states[state.group_id] = reopened
        return reopened
