"""Logger shapes as the contract's fields: pino, bunyan, winston, structlog, loguru, ECS, OTel.

A record that has the contract's own fields passes unchanged. Names are looked up flat
(``error.type``) and nested (``{"error": {"type": …}}``), dotted ones in OTel's ``resource`` and
``attributes`` as well. What became a field of the contract does not stay under its old name.
"""

from typing import Any, Final

from pipeline.process.values import joined
from pipeline.process.wrapped import TIMES, opened

Record = dict[str, Any]
Names = tuple[str, ...]

_SCALARS: Final[dict[str, Names]] = {
    "level": (
        *("log.level", "levelname", "severity", "severity_text", "severityText", "level_name"),
    ),
    "timestamp": TIMES,
    "environment": (
        *("service.environment", "deployment.environment.name", "deployment.environment"),
        *("env", "context.environment"),
    ),
    "release": ("service.version", "context.release"),
    "server_name": ("host.name", "host.hostname", "hostname", "host"),
    "logger": ("log.logger", "logger_name", "scope.name", "name"),
    "platform": ("telemetry.sdk.language",),
    "transaction": ("http.route",),
}
_OBJECTS: Final[dict[str, Names]] = {
    **{name: (f"context.{name}",) for name in ("user", "request", "tags", "extra")},
    "fingerprint": ("error.fingerprint",),
}
_PARTS: Final[dict[str, dict[str, Names]]] = {
    "user": {
        "id": ("user.id", "enduser.id"),
        "username": ("user.name",),
        "email": ("user.email",),
    },
    "request": {
        "method": ("http.request.method", "http.method", "req.method"),
        "url": ("url.full", "url.original", "http.url", "req.url"),
    },
    "trace": {
        "trace_id": ("trace.id", "traceId", "trace_id", "otelTraceID"),
        "span_id": ("span.id", "spanId", "span_id", "otelSpanID"),
    },
}
_STATUS: Final = ("http.response.status_code", "http.status_code", "res.statusCode")
_MESSAGES: Final = (
    *("msg", "event", "body", "log", "text", "short_message", "@message", "full_message"),
    *("error.message", "err.message"),
)
_SERVICES: Final = ("service.name", "tags.service", "extra.service", "app", "application")
_STACKS: Final = (
    *("exc_info", "stack_trace", "stack", "stackTrace", "errorVerbose", "stack_info"),
)
_ERRORS: Final = ("err", "error")
_ERROR_FIELDS: Final = frozenset(
    ("type", "name", "kind", "message", "stack", "stack_trace", "cause", "aggregateErrors")
)
_DOTTED: Final = ("exception", "error")
_TRACES: Final = ("stacktrace", "stack_trace", "stack")
_HINTS: Final = frozenset(
    part
    for name in (
        *(alias for aliases in (_SCALARS | _OBJECTS).values() for alias in aliases),
        *(alias for parts in _PARTS.values() for aliases in parts.values() for alias in aliases),
        *(*_STATUS, *_SERVICES, *_MESSAGES, *_STACKS, *_ERRORS, "exception.type", "error.type"),
        *("exception.message", "exception.stacktrace", "error.stack_trace", "record"),
        *("attributes", "resource"),
    )
    for part in (name, name.partition(".")[0])
) - {"service", "request", "user", "tags", "extra", "trace", "exception"}  # the contract's own


def canonical(record: Record) -> Record:
    """Return the record with the contract's fields; what is there already is not touched."""
    if _is_canonical(record):
        return record
    reading = _Reading(opened(record))
    reading.plain_fields()
    reading.content()
    kept = {name: value for name, value in reading.record.items() if name not in reading.taken}
    return {**kept, **reading.found}


def _is_canonical(record: Record) -> bool:
    """Tell a record in the contract's own names from a logger's, at a glance."""
    if not isinstance(record.get("service"), str) or not record.keys().isdisjoint(_HINTS):
        return False
    message = record.get("message")
    if isinstance(message, str) and message[:1] == "{":
        return False
    return not isinstance(record.get("exception"), bool)


class _Reading:
    """A record that is read: what was found in it, and under which names."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.found: Record = {}
        self.taken: set[str] = set()
        holders = (record.get("resource"), record.get("attributes"))
        self._beside = [holder for holder in holders if isinstance(holder, dict)]

    def plain_fields(self) -> None:
        """Find what has one value."""
        for name, aliases in _SCALARS.items():
            if self.record.get(name) is None:
                self._keep(name, self._first(aliases, str | int | float))
        for name, aliases in _OBJECTS.items():
            if self.record.get(name) is None:
                self._keep(name, self._first(aliases, dict | list | str))
        if not isinstance(self.record.get("service"), str):
            self._keep("service", self._service())
        for name, parts in _PARTS.items():
            given = self.record.get(name)
            if given is None or (name == "trace" and not _is_trace(given)):
                values = {part: self._first(names, str | int) for part, names in parts.items()}
                self._keep(name, {part: v for part, v in values.items() if v is not None} or None)
        status = self._first(_STATUS, int)
        if status is not None and self.record.get("contexts") is None:
            self.found["contexts"] = {"response": {"status_code": status}}
        self._open_context()

    def content(self) -> None:
        """Find the message, and what was raised."""
        marked = isinstance(self.record.get("exception"), bool)
        if marked:
            self.taken.add("exception")
        if marked or not self.record.get("exception"):
            error = self._exception()
            if marked and isinstance(error, str):  # winston's mark of an uncaught one
                error = {
                    "stacktrace": error,
                    "mechanism": {"handled": not self.record["exception"]},
                }
            self._keep("exception", error)
        if self.record.get("message") is None and self.record.get("logentry") is None:
            self._keep("message", self._message())

    def _keep(self, name: str, value: Any) -> None:
        """Set a field that has a value."""
        if value is not None:
            self.found[name] = value

    def _first(self, aliases: Names, kinds: Any) -> Any:
        """Return the first value of such a type under these names."""
        for alias in aliases:
            value = lookup(self.record, alias)
            if isinstance(value, kinds) and _says_something(value):
                self.taken.add(alias)
                return value
            for holder in self._beside if "." in alias else ():
                value = lookup(holder, alias)
                if isinstance(value, kinds) and _says_something(value):
                    return value
        return None

    def _service(self) -> Any:
        """Return the name of the service; pino and bunyan call it ``name``."""
        found = self._first(_SERVICES, str)
        if found is None and isinstance(self.record.get("service"), dict | list):
            return self.record["service"]  # a wrong type, to be refused by whoever needs it
        if found is None and isinstance(self.record.get("level"), int):
            return self._first(("name",), str)
        return found

    def _message(self) -> Any:
        """Return what was logged; OTel's ``body`` may be a mapping."""
        if isinstance(self.record.get("body"), dict | list):
            found = self._first(_MESSAGES[:2], str)
            return found if found is not None else self._first(("body",), dict | list)
        found = self._first(_MESSAGES, str | int | float)
        if found is None and "exception" not in self.found:
            found = self._first((*_ERRORS, *_STACKS), str)
        return found

    def _exception(self) -> Any:
        """Return what was raised, from an error object, flat fields or the text of a stack."""
        for name in _ERRORS:
            error = self.record.get(name)
            if isinstance(error, dict) and any(error.get(field) for field in _ERROR_FIELDS):
                self.taken.add(name)
                rest = {key: value for key, value in error.items() if key not in _ERROR_FIELDS}
                self._keep(name, rest or None)
                return error
        return self._dotted_exception() or self._stack()

    def _dotted_exception(self) -> Record | None:
        """Return the exception in ``exception.type`` or ``error.type`` and their like."""
        for prefix in _DOTTED:
            names = [f"{prefix}.{part}" for part in ("type", "message", *_TRACES)]
            for holder in (self.record, *self._beside):
                type_, message, *traces = (holder.get(name) for name in names)
                stack = next((text for text in map(joined, traces) if text), None)
                if stack or (type_ and (holder is self.record or prefix == "exception")):
                    if holder is self.record:
                        self.taken.update(names)
                    elif stack and holder is self.record.get("attributes"):
                        self.found["attributes"] = {k: v for k, v in holder.items() if v != stack}
                    return {"type": type_, "value": message, "stacktrace": stack}
        return None

    def _stack(self) -> str | None:
        """Return a text of several lines where loggers put stacks."""
        if self.record.get("stacktrace"):
            return None
        for name in (*_STACKS, *_ERRORS):
            found = joined(self.record.get(name))
            if "\n" in found:
                self.taken.add(name)
                return found
        return None

    def _open_context(self) -> None:
        """Leave in ``context`` what is not found at the top by now."""
        context = self.record.get("context")
        if isinstance(context, dict):
            rest = {key: v for key, v in context.items() if f"context.{key}" not in self.taken}
            self.taken.add("context")
            self._keep("context", rest or None)


def lookup(record: Record, name: str) -> Any:
    """Return a dotted field, flat or nested at any of its dots."""
    value = record.get(name)
    if value is not None or "." not in name:
        return value
    at = name.find(".")
    while at >= 0 and value is None:
        holder = record.get(name[:at])
        if isinstance(holder, dict):
            value = lookup(holder, name[at + 1 :])
        at = name.find(".", at + 1)
    return value


def _says_something(value: Any) -> bool:
    """Tell a value from none: OTel writes 0 for a time that nobody knows."""
    return not isinstance(value, bool) and value not in (0, "", "0", {}, [])


def _is_trace(value: Any) -> bool:
    """Tell a trace in the contract's names from ECS's, and from winston's list of frames."""
    return isinstance(value, dict) and "id" not in value
