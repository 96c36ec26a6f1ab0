"""The rows that the stage's state is made of: keys name what they hold, values are msgpack.

One table holds them all, so that its changelog is one log per partition: what is found there after
a crash is a prefix of what was written. The clock row is written last; its number says which
record of ``windows`` was finished.
"""

from typing import Final, Literal

import msgspec

from pipeline.detect.series import Id

APP: Final = "tocsin-detect-v1"
TABLE: Final = "series"
CHANGELOG: Final = f"{APP}-{TABLE}-changelog"
Kind = Literal["clock", "bucket", "hour", "issue", "raised"]


class Key(msgspec.Struct, array_like=True, frozen=True):
    """What a row holds; ``name`` is a host, a group or a detector."""

    partition: int
    kind: Kind
    project: str = ""
    service: str = ""
    environment: str = ""
    name: str = ""
    start_s: int = 0

    @property
    def series(self) -> Id:
        """The series the row belongs to."""
        return Id(self.project, self.service, self.environment)


class Clock(msgspec.Struct, array_like=True, frozen=True):
    """The last record of a partition that was finished."""

    number: int


encode = msgspec.msgpack.Encoder().encode
decode_key = msgspec.msgpack.Decoder(Key).decode
