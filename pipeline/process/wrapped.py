"""What collectors and serialisers put around a record: JSON in a text, loguru's, OTel's lists."""

from typing import Any, Final

import orjson

Record = dict[str, Any]

TIMES: Final = (
    *("@timestamp", "time", "ts", "date", "datetime", "asctime", "timeUnixNano"),
    *("observedTimeUnixNano", "observed_timestamp"),
)
# What a gateway wrote around a record counts, whatever the record's own text says.
_OUTER: Final = ("schema", "kind", "event_id", "project", "received", "source", "_meta")


def opened(record: Record) -> Record:
    """Return the record that an application wrote, with what was put around it beside it."""
    record = _without_text(record)
    if isinstance(record.get("record"), dict):
        record = _loguru(record)
    for name in ("resource", "attributes"):
        flat = _flat(record.get(name))
        if flat is not None:
            record = {**record, name: flat}
    event = record.get("event")
    if isinstance(event, dict) and "original" in event:  # Logstash: the line, once more
        record = {**record, "event": {k: v for k, v in event.items() if k != "original"}}
    return record


def _without_text(record: Record) -> Record:
    """Return the record with the JSON that a collector put into ``message`` or ``log`` opened.

    The application's own time counts, not the one at which its line was collected.
    """
    for name in ("message", "log"):
        value = record.get(name)
        if isinstance(value, str) and value[:1] == "{" and value.rstrip()[-1:] == "}":
            try:
                inner = orjson.loads(value)
            except orjson.JSONDecodeError:
                continue
            if isinstance(inner, dict) and inner:
                timed = any(inner.get(time) for time in ("timestamp", *TIMES))
                gone = {"message", "log", *(("timestamp", *TIMES) if timed else ())}
                around = {key: value for key, value in record.items() if key not in gone}
                outer = {key: record[key] for key in _OUTER if key in record}
                return {**around, **inner, **outer}
    return record


def _loguru(record: Record) -> Record:
    """Return loguru's serialised record with its parts at the top."""
    inner = record["record"]
    level, time, error = (inner.get(name) for name in ("level", "time", "exception"))
    text = record.get("text")
    lifted = {"level", "time", "exception", "message", "name", "extra"}
    rest = {name: value for name, value in inner.items() if name not in lifted}
    found = {
        "message": inner.get("message"),
        "level": level.get("name") if isinstance(level, dict) else level,
        "timestamp": time.get("timestamp") if isinstance(time, dict) else time,
        "logger": inner.get("name"),
        "extra": inner.get("extra"),
        **{name: value for name, value in record.items() if name not in {"record", "text"}},
        "record": rest,
    }
    if isinstance(error, dict):
        found["exception"] = {
            "type": error.get("type"),
            "value": error.get("value"),
            "stacktrace": text if isinstance(text, str) else None,
        }
    return found


def _flat(value: Any) -> Record | None:
    """Return OTel's attributes as one mapping where they came as a list or one level down."""
    if isinstance(value, dict) and isinstance(value.get("attributes"), dict | list):
        inner = value["attributes"]
        return inner if isinstance(inner, dict) else _flat(inner)
    if not isinstance(value, list):
        return None
    return {
        pair["key"]: _only(pair.get("value"))
        for pair in value
        if isinstance(pair, dict) and isinstance(pair.get("key"), str)
    }


def _only(value: Any) -> Any:
    """Return the value in OTLP's ``{"stringValue": …}``."""
    return next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else value
