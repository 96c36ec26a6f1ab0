"""Topic ``logs``, record ``recovery``: what came of a call that had failed, keyed by service.

Field names are the columns of ``tocsin.recovery``; ``target`` is the service that was called.
"""

from datetime import datetime
from typing import Literal

import msgspec


class RecoveryRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="recovery"):
    """An error that was survived (success), not survived (failure), or not even risked.

    ``attempts`` counts every call that was made, the first and a fallback's included.
    """

    ts: datetime
    service: str
    environment: str
    operation: str
    target: str = ""
    strategy: str
    error_type: str
    outcome: Literal["success", "failure", "rejected"]
    attempts: int
    duration_ms: float
    breaker_state: str = ""
    trace_id: str = ""
