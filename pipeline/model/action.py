"""Topic ``actions``: what people decided, for the owner of what they act on to fold in.

An action on issues names the groups of one owner, and goes to the owner's partition: the one of
the (service, error type) that the groups' keys begin with. Actions on anything else are for others.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Action(msgspec.Struct, frozen=True, tag_field="kind", kw_only=True):
    """Who asked for it, when, and of which groups."""

    action_id: UUID
    at: Moment
    author: str
    project: str
    groups: list[str]
    target_type: Literal["issue"] = "issue"
    reason: str = ""


class Merge(_Action, frozen=True, tag="merge", kw_only=True):
    """The groups become part of an older one, which another owner may have.

    ``into_since`` is when that one was first seen; ``into_service`` and ``into_type`` are what its
    key begins with: they lead to its owner.
    """

    into: str
    into_since: Moment
    into_service: str
    into_type: str


class Unmerge(_Action, frozen=True, tag="unmerge", kw_only=True):
    """Each group stands for itself again."""


class Resolve(_Action, frozen=True, tag="resolve", kw_only=True):
    """They are done with, at once or in this release: a later event regresses them."""

    release: str = ""


class Reopen(_Action, frozen=True, tag="reopen", kw_only=True):
    """They are neither resolved nor ignored any more."""


class Ignore(_Action, frozen=True, tag="ignore", kw_only=True):
    """Nobody wants to hear of them: for ever, or until one of these is reached."""

    events: int = 0
    users: int = 0
    until: Moment | None = None


class Assign(_Action, frozen=True, tag="assign", kw_only=True):
    """Somebody takes care of them; '' for nobody."""

    assignee: str


class Undo(_Action, frozen=True, tag="undo", kw_only=True):
    """What an action changed of them is as it was before."""

    undone: UUID


Action = Merge | Unmerge | Resolve | Reopen | Ignore | Assign | Undo
