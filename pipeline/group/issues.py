"""The states of issues: opened by their first event, merged, standing for one another.

Each change is the whole new state with the next version number. What one owner merges always names
a root, so a reader needs one step; what people merge across owners may take more.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from pipeline.model.group import IssueState
from pipeline.model.novel import Novel

# People may merge in circles across owners at the same moment: a reader has to come to an end.
MOST_STEPS: Final = 64


class Issues:
    """The newest state of each issue of one owner."""

    def __init__(self) -> None:
        self._states: dict[str, IssueState] = {}
        self._members: dict[str, set[str]] = {}

    def put(self, state: IssueState) -> None:
        """Take a state; the last one counts."""
        before = self._states.get(state.group_id)
        if before is not None and before.merged_into:
            self._members.get(before.merged_into, set()).discard(state.group_id)
        if state.merged_into:
            self._members.setdefault(state.merged_into, set()).add(state.group_id)
        self._states[state.group_id] = state

    def get(self, group_id: str) -> IssueState | None:
        """Return the state of an issue itself."""
        return self._states.get(group_id)

    def root(self, group_id: str) -> IssueState | None:
        """Return the state of the issue that stands for this group now.

        One that is merged itself was merged into a group of another owner.
        """
        state = self._states.get(group_id)
        for _ in range(MOST_STEPS):
            into = self._states.get(state.merged_into) if state and state.merged_into else None
            if into is None:
                break
            state = into
        return state

    def members(self, group_id: str) -> list[IssueState]:
        """Return the issues that this one stands for."""
        return [self._states[name] for name in sorted(self._members.get(group_id, ()))]

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
        self.put(state)
        return state

    def merge(self, losers: Iterable[str], into: str, now: datetime) -> list[IssueState]:
        """Let one issue stand for these and for what they stood for; return what changed.

        Whom people have merged elsewhere stays there.
        """
        root = self.root(into)
        changed = []
        for loser in losers:
            state = self._states.get(loser)
            if root is None or state is None or state.merged_into:
                continue
            for each in (state, *self.members(loser)):
                if each.group_id != root.group_id:
                    changed.append(joined(each, root, now, "pipeline"))
                    self.put(changed[-1])
        return changed


def joined(state: IssueState, root: IssueState, at: datetime, by: str) -> IssueState:
    """Return an issue as part of a root, which may be part of another owner's itself."""
    return replace(
        state,
        status="merged",
        merged_into=root.merged_into or root.group_id,
        root_service=root.root_service,
        root_type=root.root_type,
        updated_at=at,
        updated_by=by,
        version=state.version + 1,
    )
