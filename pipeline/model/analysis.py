"""Topic ``logs``, record ``analysis``: what ``tocsin analyze`` says of one line of a code base."""

from datetime import datetime
from typing import Literal

import msgspec

TOPIC = "logs"


class AnalysisRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", tag="analysis"):
    """One handler, or one rule that a line breaks; its fields are columns of ``code_analysis``.

    Every handler of a run is there, so that those that were never reached can be asked for.
    """

    run_id: str
    run_at: datetime
    service: str
    revision: str = ""
    language: str
    kind: Literal["handler", "pattern", "recommendation"]
    rule: str = ""
    severity: str = ""
    file: str
    line: int
    function: str = ""
    error_types: tuple[str, ...] = ()
    swallows: bool = False
    snippet: str = ""
    advice: str = ""
