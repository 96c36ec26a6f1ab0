"""How many groups a service may found in an hour; events beyond that belong to group ``other``.

Counted are the groups that the registry tells of, by the hour of their record, and what was sent to
the owner and is not answered yet. Known groups go on as before, and every event counts.
"""

from typing import Final

import msgspec

from pipeline.model.group import CanonicalKey
from pipeline.model.stage import Record

HOUR_MS: Final = 3_600_000
RULE: Final = "overflow"
TITLE: Final = "other"
_PARTS: Final = ("tocsin:other",)


class _Decided(msgspec.Struct, gc=False):
    """What counts here of a decision."""

    project: str
    service: str
    fingerprint: str
    group_id: str


_decoder = msgspec.json.Decoder(_Decided)


def other(service: str) -> CanonicalKey:
    """Return the key of the group that takes what is too much."""
    return CanonicalKey(service, "", "client", _PARTS)


class Overflow:
    """The groups of the present hour by service."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._hour = 0
        self._founded: dict[tuple[str, str], set[str]] = {}

    def has_room(self, project: str, service: str, fingerprint: str, broker_ms: int) -> bool:
        """Tell whether an unknown fingerprint may go to the owner, and count it."""
        if not self._most:
            return True
        self._begin(broker_ms)
        founded = self._founded.setdefault((project, service), set())
        if fingerprint in founded:
            return True
        if len(founded) >= self._most:
            return False
        founded.add(fingerprint)
        return True

    def recall(self, record: Record) -> None:
        """Take a record of the registry: what joined an older group founded none."""
        if not self._most or not record.value or not (record.key or b"").startswith(b"d|"):
            return
        try:
            found = _decoder.decode(record.value)
        except msgspec.MsgspecError:
            return  # who follows the registry complains
        self._begin(record.timestamp_ms)
        owner = (found.project, found.service)
        if found.fingerprint != found.group_id:
            self._founded.get(owner, set()).discard(found.fingerprint)
        elif record.timestamp_ms // HOUR_MS == self._hour:
            self._founded.setdefault(owner, set()).add(found.fingerprint)

    def _begin(self, broker_ms: int) -> None:
        """Forget the last hour when another begins."""
        hour = broker_ms // HOUR_MS
        if hour > self._hour:
            self._hour = hour
            self._founded.clear()
