"""From what somebody wants of issues to the records of ``actions``: one for each owner."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import msgspec

from pipeline.group.actions import TOPIC
from pipeline.model.action import Action, Merge
from pipeline.model.partition import partition_of
from pipeline.model.stage import Sent

_NAMESPACE: Final = UUID("0b7a52c4-5b0f-5d0e-8f53-6a1d0f3f8c1e")


class Target(NamedTuple):
    """An issue, and what leads to its owner: what its founder's key begins with."""

    group_id: str
    first_seen: datetime
    service: str
    error_type: str


class Request(NamedTuple):
    """Who asks, when, of which project, and why."""

    author: str
    at: datetime
    project: str
    reason: str = ""


def asked(
    request: Request,
    kind: type[Action],
    targets: Iterable[Target],
    partitions: int,
    **arguments: Any,
) -> dict[UUID, Sent]:
    """Return a record for each owner of the targets, by the action's id."""
    owned: defaultdict[int, list[str]] = defaultdict(list)
    for target in targets:
        owned[partition_of(partitions, target.service, target.error_type)].append(target.group_id)
    found = {}
    for partition, groups in sorted(owned.items()):
        # The id is of what is asked: who asks the same thing in the same millisecond asks once.
        about = (kind.__name__, request.author, request.at.isoformat(), *groups, repr(arguments))
        action = kind(
            action_id=uuid5(_NAMESPACE, "\0".join(about)),
            at=request.at,
            author=request.author,
            project=request.project,
            reason=request.reason,
            groups=groups,
            **arguments,
        )
        found[action.action_id] = Sent(
            TOPIC, msgspec.json.encode(action), groups[0].encode(), partition
        )
    return found


def oldest(targets: Iterable[Target]) -> Target:
    """Return the issue that stays when these are merged."""
    return min(targets, key=lambda target: (target.first_seen, target.group_id))


def merged(
    request: Request, into: Target, others: Iterable[Target], partitions: int
) -> dict[UUID, Sent]:
    """Return the records that merge issues, and what they stand for, into an older one."""
    return asked(
        request,
        Merge,
        others,
        partitions,
        into=into.group_id,
        into_since=into.first_seen,
        into_service=into.service,
        into_type=into.error_type,
    )
