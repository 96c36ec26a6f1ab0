"""Logger shapes as the contract's fields: pino, bunyan, winston, structlog, loguru, ECS, OTel.

A record that has the contract's own fields passes unchanged. Names are looked up flat
(``error.type``) and nested (``{"error": {"type": …}}``).
"""

from typing import Any, Final

import orjson

Record = dict[str, Any]

_LEVELS: Final = (
    "log.level",
    "levelname",
    "severity",
    "severity_text",
    "severityText",
    "level_name",
)
_TIMES: Final = ("@timestamp", "time", "ts", "date", "datetime", "asctime", "timeUnixNano")
_MESSAGES: Final = (
    *("msg", "event", "body", "log", "text", "short_message", "@message", "full_message"),
)
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "level": _LEVELS,
    "timestamp": _TIMES,
    "environment": (
        *("service.environment", "resource.deployment.environment.name", "env"),
        *("resource.deployment.environment", "deployment.environment.name"),
    ),
    "release": ("service.version", "resource.service.version"),
    "server_name": ("host.name", "hostname", "resource.host.name", "host"),
    "logger": ("log.logger", "logger_name", "scope.name", "name"),
    "user": ("context.user",),
    "request": ("context.request",),
    "tags": ("context.tags",),
    "extra": ("context.extra",),
}
_SERVICES: Final = ("service.name", "resource.service.name", "tags.service", "app", "application")
_STACKS: Final = ("exc_info", "stack_trace", "stack", "error.stack_trace", "stackTrace")
_ERRORS: Final = ("err", "error")
# What a gateway wrote around a record counts, whatever the record's own text says.
_OUTER: Final = ("schema", "kind", "event_id", "project", "received", "source", "_meta")
_ID_PAIRS: Final = (
    ("trace_id", ("trace.id", "traceId", "trace_id", "otelTraceID")),
    ("span_id", ("span.id", "spanId", "span_id", "otelSpanID")),
)
_HINTS: Final = frozenset(
    part
    for name in (
        *(alias for aliases in _ALIASES.values() for alias in aliases),
        *(alias for _, aliases in _ID_PAIRS for alias in aliases),
        *(*_SERVICES[:2], *_MESSAGES, *_STACKS, *_ERRORS, "exception.type", "error.type"),
        *("record", "attributes"),
    )
    for part in (name, name.partition(".")[0])
) - {"request", "user", "tags", "extra", "trace"}


def canonical(record: Record) -> Record:
    """Return the record with the contract's fields; what is there already is not touched."""
    if _is_canonical(record):
        return record
    inner = _inner(record)
    if inner is not None:
        outer: Record = {name: record[name] for name in _OUTER if name in record}
        record = {**record, "message": None, **inner, **outer}
    if isinstance(record.get("record"), dict):
        record = _loguru(record)
    found: Record = {}
    for name, aliases in _ALIASES.items():
        if record.get(name) is None:
            _take(record, aliases, name, found)
    if not isinstance(record.get("service"), str):
        found["service"] = _service(record)
    context = record.get("context")
    if isinstance(context, dict):
        for name in ("environment", "release"):
            if record.get(name) is None and context.get(name) is not None:
                found[name] = context[name]
    found.update(_content(record))
    return {**record, **found} if found else record


def _is_canonical(record: Record) -> bool:
    """Tell a record in the contract's own names from a logger's, at a glance."""
    if not isinstance(record.get("service"), str) or not record.keys().isdisjoint(_HINTS):
        return False
    message = record.get("message")
    return not (isinstance(message, str) and message[:1] == "{")


def lookup(record: Record, name: str) -> Any:
    """Return a dotted field, flat or nested at any of its dots."""
    value = record.get(name)
    if value is not None or "." not in name:
        return value
    at = name.find(".")
    while at >= 0:
        holder = record.get(name[:at])
        if isinstance(holder, dict):
            return lookup(holder, name[at + 1 :])
        at = name.find(".", at + 1)
    return None


def _take(record: Record, aliases: tuple[str, ...], name: str, found: Record) -> None:
    """Set a field to the first alias that has a value."""
    for alias in aliases:
        value = lookup(record, alias)
        if value is not None and not (alias in {"host", "name"} and isinstance(value, dict)):
            found[name] = value
            return


def _service(record: Record) -> Any:
    """Return the name of the service; pino and bunyan call it ``name``."""
    for alias in _SERVICES:
        value = lookup(record, alias)
        if isinstance(value, str) and value:
            return value
    if isinstance(record.get("service"), dict | list):
        return record["service"]  # a wrong type, to be refused by whoever needs it
    if isinstance(record.get("level"), int) and isinstance(record.get("name"), str):
        return record["name"]
    return record.get("service")


def _content(record: Record) -> Record:
    """Return message, exception and trace of a log line."""
    found: Record = {}
    if record.get("message") is None and record.get("logentry") is None:
        for alias in _MESSAGES:
            value = record.get(alias)
            if value is not None and value not in ("", {}):
                found["message"] = value
                break
    if not record.get("exception") and not record.get("stacktrace"):
        error = _exception(record)
        if error is not None:
            found["exception"] = error
    if not isinstance(record.get("trace"), dict) or "id" in record["trace"]:
        trace: Record = {}
        for name, aliases in _ID_PAIRS:
            _take(record, aliases, name, trace)
        if trace:
            found["trace"] = trace
    return found


def _exception(record: Record) -> Any:
    """Return what was raised, from an error object, flat fields or the text of a stack."""
    for name in _ERRORS:
        error = record.get(name)
        if isinstance(error, dict):
            return {
                "type": error.get("type") or error.get("name") or error.get("kind"),
                "value": error.get("message"),
                "stacktrace": error.get("stack") or error.get("stack_trace"),
            }
    for prefix, holder in (("exception", record), ("error", record), ("exception", "attributes")):
        where = record.get("attributes") if isinstance(holder, str) else holder
        if isinstance(where, dict) and where.get(f"{prefix}.type"):
            return {
                "type": where[f"{prefix}.type"],
                "value": where.get(f"{prefix}.message"),
                "stacktrace": where.get(f"{prefix}.stacktrace")
                or where.get(f"{prefix}.stack_trace"),
            }
    for name in _STACKS:
        value = record.get(name)
        if isinstance(value, str) and "\n" in value:
            return value
    error = record.get("error")
    return error if isinstance(error, str) and "\n" in error else None


def _inner(record: Record) -> Record | None:
    """Return the JSON object that a collector put into ``message`` or ``log`` as a text."""
    for name in ("message", "log"):
        value = record.get(name)
        if isinstance(value, str) and value[:1] == "{" and value.rstrip()[-1:] == "}":
            try:
                inner = orjson.loads(value)
            except orjson.JSONDecodeError:
                continue
            if isinstance(inner, dict) and inner:
                return inner
    return None


def _loguru(record: Record) -> Record:
    """Return loguru's serialised record with its parts at the top."""
    inner = record["record"]
    level, time, error = (inner.get(name) for name in ("level", "time", "exception"))
    text = record.get("text")
    found = {
        "message": inner.get("message"),
        "level": level.get("name") if isinstance(level, dict) else level,
        "timestamp": time.get("timestamp") if isinstance(time, dict) else time,
        "logger": inner.get("name"),
        "extra": inner.get("extra"),
        **{name: value for name, value in record.items() if name not in {"record", "text"}},
    }
    if isinstance(error, dict):
        found["exception"] = {
            "type": error.get("type"),
            "value": error.get("value"),
            "stacktrace": text if isinstance(text, str) else None,
        }
    return found
