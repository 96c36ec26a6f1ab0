"""Grouping without a broker: the steps of ``process`` and ``group`` in one object."""

from collections import defaultdict
from typing import Final

from pipeline.group.decision import History
from pipeline.group.settings import GroupSettings
from pipeline.process.key import canonical_key, fingerprint_of
from pipeline.process.stacks import parse
from pipeline.process.stacks.frame import key_frames

PROJECT: Final = "default"


class OfflineGrouper:
    """Groups the events of one service in the order in which they come."""

    def __init__(self, settings: GroupSettings | None = None, service: str = "offline") -> None:
        decided = settings or GroupSettings()
        self._histories: defaultdict[str, History] = defaultdict(lambda: History(decided))
        self._merged: dict[str, str] = {}
        self._service = service

    def group(self, type: str, message: str, stack: str) -> str:  # noqa: A002  the field's name
        """Return the id of an event's group, as a consumer sees it at that time."""
        frames = key_frames(parse(stack).frames) if stack else ()
        key = canonical_key(self._service, type, frames, message)
        # An owner keeps one history per type of the key, which a client's own key has not.
        verdict = self._histories[key.error_type].decide(fingerprint_of(PROJECT, key), key)
        self._merged.update(dict.fromkeys(verdict.merged, verdict.root))
        return verdict.root or verdict.group_id

    def resolve(self, id: str) -> str:  # noqa: A002  the word of the registry
        """Return the group that this one is by now."""
        while (into := self._merged.get(id)) is not None:
            id = into  # noqa: A001  the same
        return id
