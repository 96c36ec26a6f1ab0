"""What the next insert of a partition is: written into the commit metadata before the insert.

A retry then forms the identical batch under the identical token, and a zombie can only repeat a
batch whose token its successor has read. The metadata is JSON: ``{"end": next, "skip": [bad]}``,
with ``"mend": true`` where some of the rows are stored already under other tokens.
"""

from collections.abc import Iterable

import msgspec

METADATA_LIMIT = 4095


class Intent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The range of offsets up to ``end``, without the bad rows in ``skip``.

    ``mend`` says that the range is no batch of its own: only what is missing may be inserted.
    """

    end: int
    skip: tuple[int, ...] = ()
    mend: bool = False

    def encode(self) -> str:
        """Return the commit metadata."""
        return msgspec.json.encode(self).decode()

    def fits(self) -> bool:
        """Whether Kafka takes the metadata."""
        return len(self.encode()) <= METADATA_LIMIT


def read_intent(metadata: str) -> Intent | None:
    """Return the intent in a commit's metadata; None if there is none."""
    if not metadata:
        return None
    try:
        return msgspec.json.decode(metadata, type=Intent)
    except msgspec.MsgspecError:
        return None


def token(topic: str, partition: int, offsets: Iterable[int]) -> str:
    """Return the deduplication token of the rows with these offsets.

    The same token with other rows would be dropped silently, so it names the content: first,
    last and how many.
    """
    found = sorted(offsets)
    return f"{topic}:{partition}:{found[0]}-{found[-1]}:{len(found)}"
