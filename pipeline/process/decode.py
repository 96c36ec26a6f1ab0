"""From the bytes of ``events.raw`` to one JSON object, mended where the rest of it parses.

Whatever can never be read is Unreadable, with a reason that counts and a text that tells people
what to do.
"""

from typing import Any

import orjson

from pipeline.model.event import KINDS, MAX_VALUE_BYTES
from pipeline.model.lenient import mend, parse, text_of
from pipeline.model.stage import Unreadable

MAX_DEPTH = 200
Body = dict[str, Any]


def body_of(value: bytes | None) -> Body:
    """Return the object in a record's value; raises Unreadable."""
    if not value:
        raise Unreadable("empty", "the record has no value: send one JSON object per record")
    if len(value) > MAX_VALUE_BYTES:
        text = f"the value has {len(value)} bytes, {MAX_VALUE_BYTES} are allowed: cut it before"
        raise Unreadable("too_large", text)
    body, repaired = _loads(value)
    if not isinstance(body, dict):
        text = f"the value is a JSON {_name(body)}: send one JSON object per record"
        raise Unreadable("not_an_object", text)
    if repaired:
        meta = body.get("_meta")
        body["_meta"] = {**(meta if isinstance(meta, dict) else {}), "repaired": True}
    return body


def kind_of(body: Body) -> str:
    """Return the kind of an event; raises Unreadable for one that nobody knows."""
    kind = body.get("kind") or "error"
    if kind not in KINDS:
        text = f"kind {str(kind)[:40]!r} is not one of {', '.join(KINDS)}: correct the producer"
        raise Unreadable("unknown_kind", text)
    return str(kind)


def _loads(value: bytes) -> tuple[Any, bool]:
    """Return what the bytes say and whether they had to be mended."""
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return _loads_leniently(value, str(error)), True
    if b"\\u0000" in value:
        return without_nul(found), True
    return found, False


def _loads_leniently(value: bytes, complaint: str) -> Any:
    """Parse what orjson refuses: surrogates, NaN, a byte order mark, NUL, invalid UTF-8."""
    try:
        return without_nul(mend(parse(text_of(value).replace("\0", ""))))
    except (ValueError, RecursionError):
        raise Unreadable("not_json", f"no JSON: {complaint}; send one JSON object") from None


def without_nul(value: Any, depth: int = 0) -> Any:
    """Return the value without NUL characters, which no database takes."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if depth >= MAX_DEPTH:
        return value if not isinstance(value, dict | list) else "[nested too deeply]"
    if isinstance(value, list):
        return [without_nul(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key.replace("\0", ""): without_nul(item, depth + 1) for key, item in value.items()}
    return value


def _name(value: Any) -> str:
    """Return what JSON calls a value of this type."""
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
