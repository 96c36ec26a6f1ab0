"""Topic ``process.state``: what a restart of ``process`` needs beside its input.

A record stands in the partition of ``events.raw`` that it tells of, under a key of its own:
``f``, fingerprint, environment, level (``Flood``) or ``q``, project, service (``Bucket``), with NUL
between.
"""

import msgspec

from pipeline.model.novel import Novel


class Flood(msgspec.Struct, frozen=True, tag_field="record", tag="flood", kw_only=True):
    """How many events of a kind came in a minute of the broker's, and what is not stored yet.

    The first ``whole`` are stored as they are. ``weight`` is that of the events since the last
    stored row, ``newest`` the one of them that will stand for all.
    """

    fingerprint: str
    environment: str
    level: str
    minute: int
    n: int
    whole: int
    weight: float = 0.0
    newest: Novel | None = None


class Bucket(msgspec.Struct, frozen=True, tag_field="record", tag="bucket", kw_only=True):
    """How many rows a service may still store at once, as of a time of the broker's."""

    project: str
    service: str
    tokens: float
    at_ms: int


ProcessState = Flood | Bucket
