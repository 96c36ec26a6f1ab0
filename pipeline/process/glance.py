"""What recalling an event needs: its id, if it was counted. Ten times as fast as reading it.

An event that was refused must not be remembered, since a corrected one may come under its id;
whatever cannot be judged at a glance is read in full.
"""

import msgspec

from pipeline.model.event import MAX_VALUE_BYTES, event_id_of
from pipeline.process.values import text

Scalar = str | int | float | None


class _Mechanism(msgspec.Struct, gc=False):
    """How an exception was caught: a synthetic one has no type of its own."""

    synthetic: bool | None = None


class _Member(msgspec.Struct, gc=False):
    """One of Sentry's values."""

    type: str | None = None
    mechanism: _Mechanism | None = None
    exc_type: msgspec.Raw = msgspec.Raw()


class _Exception(_Member, gc=False):
    """An exception, or Sentry's values."""

    values: list[_Member | None] | None = None


class _Glance(msgspec.Struct, gc=False):
    """The fields that decide whether an ordinary event is readable."""

    event_id: str
    service: str
    project: str | None = None
    kind: str | None = None
    environment: Scalar = None
    release: Scalar = None
    message: str | None = None
    exception: _Exception | None = None
    record: msgspec.Raw = msgspec.Raw()
    log: msgspec.Raw = msgspec.Raw()
    status: float | None = None
    duration_ms: float | None = None


_decoder = msgspec.json.Decoder(_Glance)


def glance(value: bytes | None) -> tuple[str, str] | None:
    """Return (project, event id) of an ordinary event, or None where it has to be read."""
    if not value or len(value) > MAX_VALUE_BYTES:
        return None
    try:
        seen = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    event_id = event_id_of(seen.event_id)
    project = seen.project or ""
    if not event_id or not _says(seen.service, 200) or bytes(seen.record) or bytes(seen.log):
        return None
    return (
        (text(project) or "default", event_id) if _is_plain(seen) and "\0" not in project else None
    )


def _is_plain(seen: _Glance) -> bool:
    """Tell an event that says something from one that has to be looked at closely."""
    if seen.kind == "request":
        return seen.status is not None and (seen.duration_ms or 0) >= 0 and bool(seen.duration_ms)
    if seen.kind not in {None, "", "error"}:
        return False
    if seen.message:
        return seen.message[:1] != "{" and seen.exception is None and _says(seen.message, 8192)
    if seen.exception is None:
        return False
    if seen.exception.values is None:
        return _has_type(seen.exception)
    values = seen.exception.values
    return bool(values) and _has_type(values[-1]) and not any(v and v.exc_type for v in values)


def _has_type(member: _Member | None) -> bool:
    """Tell an exception that has a type."""
    synthetic = member is not None and member.mechanism and member.mechanism.synthetic
    return member is not None and not synthetic and _says(member.type, 200)


def _says(value: str | None, limit: int) -> bool:
    """Tell whether a text is more than blanks where it is looked at."""
    return bool(value and value[:limit].replace("\0", "").strip())
