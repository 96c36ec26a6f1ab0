"""Single values of free JSON as text and numbers, whatever type they came in."""

import math
from typing import Any

import orjson

from pipeline.model.lenient import mend


def text(value: Any, limit: int = 200) -> str:
    """Return a value as stripped text of at most ``limit`` characters; None is an empty text."""
    if isinstance(value, str):
        found = value
    elif value is None:
        return ""
    elif isinstance(value, bool):
        found = "true" if value else "false"
    elif isinstance(value, int | float):
        found = str(value)
    else:
        found = dumps(value)
    return found[:limit].strip()


def dumps(value: Any) -> str:
    """Return a value as JSON text."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps(mend(value)).decode()


def mapping(value: Any) -> dict[str, Any]:
    """Return a dict, also of pairs, and an empty one for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {
            text(pair[0]): pair[1] for pair in value if isinstance(pair, list) and len(pair) == 2
        }
    return {}


def joined(value: Any) -> str:
    """Return a text that may have come as a list of its lines, or an empty one."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "\n".join(line.rstrip("\n") for line in value)
    return ""


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def words(table: str) -> frozenset[str]:
    """Return the words of a table."""
    return frozenset(table.split())
