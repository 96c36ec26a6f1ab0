"""The parser of Sentry envelopes: a header line, then items of a header line and a payload.

With ``length`` a payload is exactly that long and a newline or the end follows. Without, it
reaches to the next newline or the end. Blank lines between items are tolerated.
"""

from typing import Any, NamedTuple

import orjson

from pipeline.gateway.exchange import Refused
from pipeline.model.lenient import loads

MAX_ITEMS = 1000  # SDKs send a handful; it bounds what one request can cost

_HEADER = "the envelope's header"


class Item(NamedTuple):
    """One item; ``type`` is "unknown" where its header names none."""

    type: str
    header: dict[str, Any]
    payload: bytes


class Envelope(NamedTuple):
    """An envelope taken apart; payloads are not decoded yet."""

    header: dict[str, Any]
    items: list[Item]


def parse(body: bytes) -> Envelope:
    """Return the envelope; raises Refused 400 where the grammar is broken."""
    header, at = _header(body, 0, _HEADER)
    items: list[Item] = []
    while (at := _skip_blank_lines(body, at)) < len(body):
        if len(items) == MAX_ITEMS:
            raise Refused(413, f"the envelope has more than {MAX_ITEMS} items: send several")
        item_header, at = _header(body, at, f"the header of item {len(items)}")
        payload, at = _payload(body, at, item_header, len(items))
        kind = item_header.get("type")
        items.append(Item(kind if isinstance(kind, str) else "unknown", item_header, payload))
    return Envelope(header, items)


def header_of(beginning: bytes) -> dict[str, Any]:
    """Return the header alone; raises Refused 400 if it does not end within this beginning."""
    header, _ = _header(beginning, 0, _HEADER)
    return header


def _skip_blank_lines(body: bytes, at: int) -> int:
    """Return the position of the next byte that is no line end."""
    while at < len(body) and body[at] in b"\r\n":
        at += 1
    return at


def _header(body: bytes, at: int, what: str) -> tuple[dict[str, Any], int]:
    """Return the JSON object of one line and the position behind it."""
    end = body.find(b"\n", at)
    end = len(body) if end < 0 else end
    try:
        header, _ = loads(body[at:end])
    except ValueError:
        raise Refused(400, f"{what} is no JSON: is it a Sentry envelope, and complete?") from None
    if not isinstance(header, dict):
        raise Refused(400, f"{what} is no JSON object")
    return header, end + 1


def _payload(body: bytes, at: int, header: dict[str, Any], index: int) -> tuple[bytes, int]:
    """Return one payload and the position behind it."""
    length = header.get("length")
    if length is None:
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        return body[at:end], end + 1
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise Refused(400, f"the length of item {index} is {orjson.dumps(length)[:40].decode()}")
    end = at + length
    if end > len(body):
        raise Refused(400, f"item {index} ends after {len(body) - at} of {length} bytes")
    if end < len(body) and body[end] != ord("\n"):
        raise Refused(400, f"item {index} is longer than its length of {length} bytes")
    return body[at:end], end + 1
