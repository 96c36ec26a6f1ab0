"""Topic ``events.raw``: the kinds of its free JSON, what each needs, and what may be cut.

The value stays a dict: unknown keys are kept. ``schemas/messages/events.raw.v1.json`` is the
contract; the gateway and ``process`` share what stands here.
"""

import re
from typing import Any

SCHEMA = "events.raw/1"
KINDS = ("error", "request", "session", "resource")
CONTENT = ("message", "logentry", "exception", "stacktrace", "threads")
COUNTS = ("started", "exited", "errored", "crashed", "abnormal")
MAX_VALUE_BYTES = 2**20

_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


def event_id_of(value: Any) -> str:
    """Return 32 lower-case hex digits of an id or UUID, or an empty string if it is none."""
    if not isinstance(value, str):
        return ""
    lower = value.strip().lower()
    return lower.replace("-", "") if _ID.fullmatch(lower) else ""
