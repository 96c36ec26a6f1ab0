"""What an action of people makes of the issues it names: their states after it.

All groups of an action are changed or none; what cannot be done is refused with what to do.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from pipeline.group.issues import Issues, joined
from pipeline.group.rest import written
from pipeline.model import action as act
from pipeline.model.action import Action
from pipeline.model.group import Applied, Change, IssueState, Standing
from pipeline.model.stage import Unreadable

TOPIC: Final = "actions"
# The users of an ignored issue are kept by name to be counted.
MOST_USERS: Final = 1000

_FIELDS: Final = Standing.__struct_fields__
_MERGE: Final = ("merged_into", "root_service", "root_type")
_decoder: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)


class _Target(msgspec.Struct):
    """What an action acts on."""

    target_type: str = "issue"


_target = msgspec.json.Decoder(_Target)


def read(value: bytes | None) -> Action | None:
    """Return an action on issues, None for one on something else; raises Unreadable."""
    try:
        if _target.decode(value or b"").target_type != "issue":
            return None
        return _decoder.decode(value or b"")
    except msgspec.MsgspecError as error:
        raise Unreadable("action_broken", f"not an action: {error}") from error


def standing_of(state: IssueState) -> Standing:
    """Return what people can change of an issue."""
    return Standing(**{name: getattr(state, name) for name in _FIELDS})


def changes_of(action: Action, issues: Issues, undone: Applied | None) -> list[IssueState]:
    """Return the states that an action leads to, only those that differ; raises Unreadable.

    ``undone`` is what an ``Undo`` takes back, if the owner remembers it.
    """
    if isinstance(action, act.Undo):
        found = _undo(action, issues, undone)
    else:
        states = [_issue(issues, group_id, action) for group_id in dict.fromkeys(action.groups)]
        if not states:
            raise _refused("names no groups")
        found = [new for state in states for new in _one(action, state, issues)]
    latest = {state.group_id: state for state in found}
    return [
        _signed(state, action, _known(issues, state.group_id).version + 1)
        for state in latest.values()
        if standing_of(state) != standing_of(_known(issues, state.group_id))
    ]


def applied(action: Action, before: Issues, after: Iterable[IssueState]) -> Applied:
    """Return the record of an action, made before its states are put."""
    return Applied(
        action_id=action.action_id,
        at=action.at,
        author=action.author,
        changes=[
            Change(
                group_id=state.group_id,
                before=standing_of(_known(before, state.group_id)),
                after=standing_of(state),
            )
            for state in after
        ],
    )


def _one(action: Action, state: IssueState, issues: Issues) -> list[IssueState]:
    """Return what becomes of one issue and of what it stands for."""
    if isinstance(action, act.Merge):
        return _merge(action, state, issues)
    if isinstance(action, act.Unmerge):
        if not state.merged_into:
            raise _refused(f"{state.group_id} is not merged: nothing to unmerge")
        return [replace(state, status="open", merged_into="", root_service="", root_type="")]
    if state.merged_into:
        raise _refused(f"{state.group_id} is part of {state.merged_into}: act on that")
    match action:
        case act.Resolve():
            at = action.at
            fresh = _rested(state, status="resolved", resolved_at=at)
            return [replace(fresh, resolved_in_release=action.release)]
        case act.Reopen():
            return [_rested(state, status="open")]
        case act.Ignore():
            _check_limit(action)
            return [_rested(state, status="ignored", ignored_until=written(action))]
        case act.Assign():
            return [replace(state, assignee=action.assignee)]
        case _:
            raise AssertionError(action)


def _rested(state: IssueState, **fields: Any) -> IssueState:
    """Return an issue with another status and nothing left of the one before."""
    nothing = {"resolved_in_release": "", "resolved_at": None, "ignored_until": ""}
    return replace(state, **{**nothing, **fields})


def _check_limit(action: act.Ignore) -> None:
    """Refuse what cannot be counted."""
    given = [action.events, action.users, action.until]
    if sum(map(bool, given)) > 1 or min(action.events, action.users) < 0:
        raise _refused("ignore until one thing: events, users or a time")
    if action.users > MOST_USERS:
        raise _refused(f"at most {MOST_USERS} users are counted: ignore until fewer")


def _merge(action: act.Merge, state: IssueState, issues: Issues) -> list[IssueState]:
    """Return an issue and its members as part of an older one."""
    root = issues.root(action.into)
    if root is None:
        root = replace(
            state,
            group_id=action.into,
            first_seen=action.into_since,
            merged_into=action.into,
            root_service=action.into_service,
            root_type=action.into_type,
        )
    if state.group_id == root.group_id:
        raise _refused(f"{state.group_id} stands for {action.into} already")
    is_younger = (root.first_seen, root.group_id) > (state.first_seen, state.group_id)
    if is_younger and not state.merged_into:
        raise _refused(f"{root.group_id} is younger: merge it into {state.group_id}, the older one")
    return [joined(each, root, action.at, action.author) for each in _whole(state, issues)]


def _whole(state: IssueState, issues: Issues) -> list[IssueState]:
    """Return an issue and what it stands for."""
    return [state, *issues.members(state.group_id)]


def _undo(action: act.Undo, issues: Issues, undone: Applied | None) -> list[IssueState]:
    """Return the issues as they were before an action, as far as it still shows."""
    if undone is None:
        raise _refused(f"no action {action.undone} is remembered: older than 30 days, or refused")
    found = []
    for change in undone.changes:
        state = issues.get(change.group_id)
        if state is None:
            continue
        fields = [f for f in _FIELDS if getattr(change.before, f) != getattr(change.after, f)]
        if all(_shows(state, change.after, field) for field in fields):
            found.append(replace(state, **{f: getattr(change.before, f) for f in fields}))
    if not found:
        raise _refused("nothing of it shows any more: undo what was done after it first")
    return found


def _shows(state: IssueState, after: Standing, field: str) -> bool:
    """Tell whether a field is as an action left it; a merged issue may have been taken along."""
    if field in _MERGE and after.merged_into:
        return bool(state.merged_into)
    return bool(getattr(state, field) == getattr(after, field))


def _signed(state: IssueState, action: Action, version: int) -> IssueState:
    """Return a state with who made it and when."""
    return replace(state, updated_at=action.at, updated_by=action.author, version=version)


def _issue(issues: Issues, group_id: str, action: Action) -> IssueState:
    """Return the state of an issue that an action names; raises Unreadable."""
    state = issues.get(group_id)
    if state is None or state.project != action.project:
        text = f"no issue {group_id} of project {action.project} here: ask its owner's partition"
        raise _refused(text)
    return state


def _known(issues: Issues, group_id: str) -> IssueState:
    """Return the state of an issue that is there."""
    state = issues.get(group_id)
    assert state is not None
    return state


def _refused(text: str) -> Unreadable:
    """Return why an action is not folded in."""
    return Unreadable("action_refused", text)
