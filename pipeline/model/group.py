"""Topic ``groups``: the registry of grouping decisions and the state of each issue.

Two kinds of record under keys of their own, so that two writers never overwrite each other's
fields: ``Decision`` (key ``d|fingerprint``) and ``IssueState`` (key ``i|group id``), both written
to the partition of (project, service, error type).
"""

from datetime import datetime
from typing import Literal

import msgspec

How = Literal["client", "rule", "exact", "wildcard", "similar", "founder"]
Guard = Literal["", "passed", "refused"]

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

    ``merged_into`` always names a root; ``environment`` is the one of the first event.
    """

    project: str
    group_id: str
    title: str
    error_type: str
    culprit: str
    service: str
    environment: str = ""
    level: str
    status: Literal["open", "resolved", "ignored", "merged"] = "open"
    merged_into: str = ""
    assignee: str = ""
    resolved_in_release: str = ""
    ignored_until: str = ""
    template: str
    first_seen: datetime
    first_release: str
    episode_started_at: datetime
    updated_at: datetime
    updated_by: str = "pipeline"
    version: int


GroupRecord = Decision | IssueState
