"""What the life of an issue tells others: it is new, it came back, it was part of another.

An issue comes back after it was resolved (``regressed``), or because it reached what it was ignored
until (``escalating``).
"""

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from msgspec.structs import replace

from pipeline.model.group import IssueState, Tally
from pipeline.model.signal import Signal

_NAMESPACE = UUID("6f1d9a2e-3b0c-5c47-9a58-0d7c1e5b4f83")


def new(state: IssueState) -> Signal:
    """Return the signal that an issue is new.

    After a merge the same signal comes again with ``merged_into``: then the issue was never one of
    its own, and nobody is to be told of it.
    """
    return _signal(state, "new", state.first_seen)


def regressed(state: IssueState) -> Signal:
    """Return the signal that a resolved issue came back."""
    return _signal(state, "regressed", state.episode_started_at)


def escalating(state: IssueState, until: str, tally: Tally) -> Signal:
    """Return the signal that an issue reached what it was ignored until."""
    signal = _signal(state, "escalating", state.episode_started_at)
    seen = len(tally.users) if until.endswith(" users") else tally.events
    text = f"ignored until {until}, which came to pass: {state.title}"
    return replace(signal, observed=float(seen), explanation=text)


def _signal(
    state: IssueState, kind: Literal["new", "regressed", "escalating"], at: datetime
) -> Signal:
    """Return a signal whose id is what it describes: the issue and the start of the episode."""
    moment = "" if kind == "new" else at.isoformat()
    described = f"{kind}\0{state.project}\0{state.group_id}\0{moment}"
    return Signal(
        signal_id=str(uuid5(_NAMESPACE, described)),
        kind=kind,
        at=at,
        window_start=at,
        window_end=at,
        project=state.project,
        service=state.service,
        environment=state.environment,
        group_id=state.group_id,
        title=state.title,
        merged_into=state.merged_into,
    )
