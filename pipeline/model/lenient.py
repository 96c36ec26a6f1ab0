"""JSON as clients really send it: orjson first, and a second, tolerant look where that refuses.

The second look mends what the rest of the document survives: lone surrogates, invalid UTF-8, a
byte order mark, NaN, infinity and numbers too big for 64 bits.
"""

import json
import math
import re
from typing import Any

import orjson

_MAX_DEPTH = 200  # orjson writes at most 254 levels
_INT_LIMITS = (-(2**63), 2**64 - 1)
_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(data: bytes) -> tuple[Any, bool]:
    """Return the value and whether it had to be mended; raises ValueError if it is no JSON."""
    try:
        return orjson.loads(data), False
    except orjson.JSONDecodeError:
        return mend(parse(text_of(data))), True


def text_of(data: bytes) -> str:
    """Return bytes as text without a byte order mark; what is no UTF-8 is replaced."""
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


def parse(text: str) -> Any:
    """Decode with the standard library, which takes NaN and lone surrogates."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def mend(value: Any, depth: int = 0) -> Any:
    """Return the value with all that JSON or UTF-8 cannot carry replaced."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if _INT_LIMITS[0] <= value <= _INT_LIMITS[1] else str(value)
    if not isinstance(value, dict | list):
        return value
    if depth >= _MAX_DEPTH:
        return "[nested too deeply]"
    if isinstance(value, list):
        return [mend(item, depth + 1) for item in value]
    return {mend(key): mend(item, depth + 1) for key, item in value.items()}
