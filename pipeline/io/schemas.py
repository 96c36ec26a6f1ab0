"""Writes the JSON Schemas of ``schemas/messages/`` from the structs of ``model/``.

``poe generate`` calls ``write``; a test fails when a file is not what the structs say. The schema
of events.raw is written by hand: its value is free JSON.
"""

import inspect
from pathlib import Path
from typing import Any

import msgspec
import orjson

from pipeline.io.resources import schemas
from pipeline.io.rulefile import rules_schema
from pipeline.model.action import Action
from pipeline.model.aggregate_state import ClockRecord
from pipeline.model.alert import Alert
from pipeline.model.client_report import ClientReport
from pipeline.model.frame import Frame
from pipeline.model.group import GroupRecord
from pipeline.model.grouped import Grouped
from pipeline.model.metric import Metric
from pipeline.model.notification import Notification
from pipeline.model.notification_log import Attempt
from pipeline.model.novel import Mark, Novel
from pipeline.model.process_state import ProcessState
from pipeline.model.signal import Signal
from pipeline.model.window import WindowRecord

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MESSAGES: dict[str, Any] = {
    "action.v1": Action,
    "aggregate_state.v1": ClockRecord,
    "alert.v1": Alert,
    "client_report.v1": ClientReport,
    "frame.v1": Frame,
    "group.v1": GroupRecord,
    "grouped.v1": Grouped,
    "mark.v1": Mark,
    "metric.v1": Metric,
    "notification.v1": Notification,
    "notification_log.v1": Attempt,
    "novel.v1": Novel,
    "process_state.v1": ProcessState,
    "signal.v1": Signal,
    "window.v1": WindowRecord,
}


def schema_of(name: str) -> bytes:
    """Return the JSON Schema of a message as it stands in its file."""
    body = msgspec.json.schema(MESSAGES[name])
    for part in body.get("$defs", {}).values():
        if "description" in part:
            part["description"] = inspect.cleandoc(part["description"])
    schema = {"$schema": DIALECT, "$id": f"urn:tocsin:{name}", **body}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write(folder: Path | None = None) -> None:
    """Write every schema into the folder; without one, where they ship."""
    for name in MESSAGES:
        ((folder or schemas() / "messages") / f"{name}.json").write_bytes(schema_of(name))
    if folder is None:
        (schemas() / "rules.v1.json").write_bytes(rules_schema())
