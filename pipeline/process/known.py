"""A copy of the registry: which group a fingerprint belongs to by now.

A stale copy is harmless: what is not known here goes to the owner, who answers with the known id.
"""

from typing import Final, Literal, NamedTuple

import msgspec

from pipeline.model.stage import Record

TOPIC: Final = "groups"
_MOST_STEPS: Final = 64


class _Decided(msgspec.Struct, tag_field="record", tag="decision", gc=False):
    """What counts here of a decision."""

    fingerprint: str
    group_id: str


class _Applied(msgspec.Struct, tag_field="record", tag="applied", gc=False):
    """What the owner keeps for itself."""


class _Tally(msgspec.Struct, tag_field="record", tag="tally", gc=False):
    """What the owner keeps for itself."""


class _Issue(msgspec.Struct, tag_field="record", tag="issue", gc=False):
    """What counts here of an issue's state."""

    group_id: str
    title: str
    status: Literal["open", "resolved", "ignored", "merged"]
    merged_into: str = ""
    ignored_until: str = ""


class Group(NamedTuple):
    """A group that needs no decision."""

    group_id: str
    title: str


_decoder = msgspec.json.Decoder(_Decided | _Issue | _Applied | _Tally)


class Known:
    """Fingerprints and issues, as ``groups`` told them."""

    def __init__(self) -> None:
        self._decided: dict[str, str] = {}
        self._issues: dict[str, _Issue] = {}

    def recall(self, record: Record) -> str:
        """Take one record; return what is wrong with one that nobody can read."""
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            kind, _, name = key.partition("|")
            if kind == "d":
                self._decided.pop(name, None)
            elif kind == "i":
                self._issues.pop(name, None)
            return ""
        try:
            found = _decoder.decode(record.value)
        except msgspec.MsgspecError as error:
            return f"groups/{record.partition}, key {key!r}: {error}; write it anew or delete it"
        if isinstance(found, _Issue):
            self._issues[found.group_id] = found
        elif isinstance(found, _Decided):
            # A merge stands in the issue's state alone: people may take it back.
            self._decided[found.fingerprint] = found.group_id
        return ""

    def is_decided(self, fingerprint: str) -> bool:
        """Tell whether a fingerprint has a group, be it one that needs its owner."""
        return fingerprint in self._decided

    def find(self, fingerprint: str) -> Group | None:
        """Return the group of a fingerprint, or None where the owner has to be asked.

        The owner decides about what is new, and about what was resolved or is ignored until
        something happens.
        """
        group_id = self._decided.get(fingerprint)
        if group_id is None:
            return None
        issue = self._issues.get(group_id)
        for _ in range(_MOST_STEPS):
            if issue is None or not issue.merged_into:
                break
            issue = self._issues.get(issue.merged_into)
        if issue is None or issue.status == "resolved" or issue.ignored_until:
            return None
        return Group(issue.group_id, issue.title)
