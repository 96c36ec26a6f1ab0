"""Topic ``groups``: the registry of grouping decisions and the state of each issue.

Each kind of record has keys of its own, so that none overwrites another's fields: ``Decision``
(``d|fingerprint``), ``IssueState`` (``i|group id``), ``Applied`` (``a|action id``) and ``Tally``
(``t|group id``). The owner of (service, error type) writes them all, to its partition.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

How = Literal["client", "rule", "exact", "wildcard", "similar", "founder"]
Guard = Literal["", "passed", "refused"]
Status = Literal["open", "resolved", "ignored", "merged"]

# Stands for any value in the tokens of a message; no token is written like this.
WILDCARD = "*"


class CanonicalKey(msgspec.Struct, frozen=True, array_like=True):
    """The part of an event that decides its group.

    ``kind`` tells what ``parts`` are: frames ``function@basename`` innermost first, tokens of
    the masked message, or the values of a client's fingerprint. ``refine`` holds the other values
    of a client fingerprint with ``{{ default }}`` in it.
    """

    service: str
    error_type: str
    kind: Literal["stack", "message", "client"]
    parts: tuple[str, ...]
    refine: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, tag_field="record", tag="decision", kw_only=True):
    """Which group a fingerprint belongs to, and why; a column of ``fingerprints`` per field.

    ``wildcards`` are the positions of the key that became wildcards with this decision, so that a
    restart repeats it instead of deciding again.
    """

    project: str
    service: str
    error_type: str
    fingerprint: str
    group_id: str
    grouping_version: int
    how: How
    rule: str = ""
    score: float = 0.0
    runner_up: str = ""
    runner_up_score: float = 0.0
    guard: Guard = ""
    merged_into: str = ""
    canonical_key: str
    seq: int
    first_seen: datetime
    wildcards: list[int] = []


class IssueState(msgspec.Struct, frozen=True, tag_field="record", tag="issue", kw_only=True):
    """What people see and change of a group; a column of ``issue_states`` per field.

    ``merged_into`` names a root of this owner, or a group of the owner of (``root_service``,
    ``root_type``); ``environment`` is the one of the first event.
    """

    project: str
    group_id: str
    title: str
    error_type: str
    culprit: str
    service: str
    environment: str = ""
    level: str
    status: Status = "open"
    merged_into: str = ""
    root_service: str = ""
    root_type: str = ""
    assignee: str = ""
    resolved_in_release: str = ""
    resolved_at: datetime | None = None
    ignored_until: str = ""
    template: str
    first_seen: datetime
    first_release: str
    episode_started_at: datetime
    updated_at: datetime
    updated_by: str = "pipeline"
    version: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What people can change of an issue; fields are those of ``IssueState``."""

    status: Status
    merged_into: str
    root_service: str
    root_type: str
    assignee: str
    resolved_in_release: str
    resolved_at: datetime | None
    ignored_until: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an action did to one issue."""

    group_id: str
    before: Standing
    after: Standing


class Applied(msgspec.Struct, frozen=True, tag_field="record", tag="applied", kw_only=True):
    """An action that was folded in: a repeat of it is passed over, and it can be undone."""

    action_id: UUID
    at: datetime
    author: str
    changes: list[Change]


class Tally(msgspec.Struct, frozen=True, tag_field="record", tag="tally", kw_only=True):
    """What an ignored issue has seen since; ``users`` are hashes."""

    group_id: str
    events: int = 0
    users: list[int] = []


GroupRecord = Decision | IssueState | Applied | Tally
