"""JSON in any framing: an array, one object, lines, objects in a row, an object with ``events``.

Records stay as they are: what a logger's fields mean is decided by ``process``.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from pipeline.gateway.exchange import Refused
from pipeline.gateway.intake import Intake
from pipeline.gateway.limits import encode
from pipeline.model.event import CONTENT, COUNTS, KINDS, event_id_of
from pipeline.model.lenient import mend, text_of

FORM = "json"
# Where loggers and collectors keep what happened, beside the contract's own names.
_CARRIERS = (
    *CONTENT,
    *("msg", "event", "err", "error", "stack", "stack_trace", "body", "log", "text", "record"),
    *("exc_info", "short_message", "@message", "attributes"),
)
_DOTTED = ("exception.", "error.")
_NEEDS = {"request": ("method", "route"), "resource": ("host",)}
_NUMBERS = {
    "request": ("status", "duration_ms"),
    "session": COUNTS,
    "resource": ("cpu_percent", "memory_percent", "disk_free_percent"),
}
# Between values stand commas, brackets of an array, line ends, or RFC 7464's separator.
_BETWEEN = re.compile(r"[\s,\[\]\x1e]*")
_DECODER = json.JSONDecoder()
_PATIENCE = 100
_MSGPACK_TYPES = ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack")


class Broken(NamedTuple):
    """Text that is no JSON, up to the end of its line."""

    text: str


def read_records(body: bytes, content_type: str, max_records: int, intake: Intake) -> None:
    """Pass every good record on and reject every other; raises Refused for the body as a whole."""
    if is_msgpack(body, content_type):
        raise Refused(415, "this is MessagePack: set Format json at the sender")
    if not body.strip():
        raise Refused(400, "the body is empty: send a JSON object, lines of them, or an array")
    for index, record in enumerate(records_of(body)):
        if index == max_records:
            raise Refused(413, f"more than {max_records} records: send less at once")
        if isinstance(record, Broken):
            content = record.text.encode("utf-8", "replace")
            intake.reject(index, content, "unreadable", "no JSON: see the line's quotes and commas")
            continue
        complaint = complaint_about(record)
        if complaint:
            intake.reject(index, encode(record), "invalid", complaint)
        else:
            _accept(index, record, intake)


def _accept(index: int, record: dict[str, Any], intake: Intake) -> None:
    """Pass on one record that holds something."""
    event_id = intake.ids.of(record)
    for name in ("event_id", "source"):
        _keep_aside(record, name)
    record["kind"] = record.get("kind") or "error"
    intake.accept(index, record, event_id, FORM)


def _keep_aside(record: dict[str, Any], name: str) -> None:
    """Move to ``extra`` what a logger means by a name that the contract uses otherwise."""
    value = record.pop(name, None)
    if value is None or (name == "event_id" and event_id_of(value)):
        return
    extra = record.get("extra")
    record["extra"] = {**(extra if isinstance(extra, dict) else {}), name: value}


def is_msgpack(body: bytes, content_type: str) -> bool:
    """Tell by the type, or by a first byte with which no JSON begins."""
    if content_type.partition(";")[0].strip().lower() in _MSGPACK_TYPES:
        return True
    return bool(body) and (0x80 <= body[0] <= 0x9F or 0xDC <= body[0] <= 0xDF)


def records_of(body: bytes) -> Iterator[Any]:
    """Yield the records, and Broken in place of each that is none."""
    try:
        whole = orjson.loads(body)
    except orjson.JSONDecodeError:
        yield from _scan(text_of(body))
        return
    yield from _members(whole)


def _members(value: Any) -> Iterator[Any]:
    """Yield the members of an array or of the list ``events``, else the value itself."""
    if isinstance(value, dict) and isinstance(value.get("events"), list):
        yield from value["events"]
    elif isinstance(value, list):
        yield from value
    else:
        yield value


def _scan(text: str) -> Iterator[Any]:
    """Yield values in a row; what cannot be read is left out to the end of its line.

    Each line is tried whole once, since orjson is ten times as fast and most bodies that come
    here are lines. The slow parser gives up after so many failures, each of which may cost a
    look at the whole text.
    """
    if text.lstrip().startswith("[") and not text.rstrip().endswith("]"):
        raise Refused(400, "the array does not end: was the body cut short?")
    at, line_end, patience = _skip(text, 0), -1, _PATIENCE
    while at < len(text):
        value: Any = None
        if at > line_end:
            line_end = text.find("\n", at)
            line_end = len(text) if line_end < 0 else line_end
            value, end = _whole_line(text[at:line_end]), line_end
        if value is None:
            value, end = _next(text, at, line_end) if patience else (None, line_end)
        if value is None:
            patience = max(0, patience - 1)
            value = Broken(text[at:line_end])
        yield from [value] if isinstance(value, Broken) else _members(value)
        at = _skip(text, end)


def _skip(text: str, at: int) -> int:
    """Return the position of the next value."""
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _whole_line(line: str) -> Any:
    """Return the value that the line is, or None."""
    try:
        return orjson.loads(line)
    except ValueError:
        return None


def _next(text: str, at: int, line_end: int) -> tuple[Any, int]:
    """Return the next value, on however many lines, and the position behind it, or None."""
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, line_end
    mended = mend(value)
    if mended != value and isinstance(mended, dict):
        mended["_meta"] = {**(mended.get("_meta") or {}), "repaired": True}
    return mended, end


def complaint_about(record: Any) -> str:
    """Return what keeps a record from being an event and what to do, or an empty string."""
    if not isinstance(record, dict):
        return f"a record is a JSON object, this is a {type(record).__name__}"
    kind = record.get("kind") or "error"
    if kind not in KINDS:
        return f"kind {str(kind)[:40]!r} is not one of {', '.join(KINDS)}"
    if kind == "error":
        if any(record.get(name) for name in _CARRIERS):
            return ""
        if any(name.startswith(_DOTTED) for name in record):
            return ""
        return f"nothing to report: give one of {', '.join(CONTENT)}"
    return _complaint_about_fields(kind, record)


def _complaint_about_fields(kind: str, record: dict[str, Any]) -> str:
    """Return what a request, session or resource sample lacks."""
    for name in _NEEDS.get(kind, ()):
        if not isinstance(record.get(name), str) or not record[name]:
            return f"a {kind} needs {name}, a text"
    wanted = _NUMBERS[kind]
    given = [name for name in wanted if record.get(name) is not None]
    for name in given:
        if type(record[name]) not in {int, float}:
            return f"{name} of a {kind} is a number"
    if kind == "request" and len(given) < len(wanted):
        return f"a request needs {' and '.join(wanted)}, numbers"
    return "" if given else f"a {kind} needs one of {', '.join(wanted)}"
