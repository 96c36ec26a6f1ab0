"""One event as ``process`` understands it: who reports, when, and what happened.

``read`` takes the tolerant shapes of the contract; what has a wrong type is Unreadable.
"""

from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import msgspec

from pipeline.model.event import COUNTS, event_id_of
from pipeline.model.stage import Record, Unreadable
from pipeline.process.exceptions import MAX_MESSAGE, Raised, raised
from pipeline.process.times import ms_of
from pipeline.process.values import mapping, number, text

Body = dict[str, Any]

# What a sum of 64 bits and a column can take, whatever one event claims.
_MOST_WEIGHT: Final = 1e6
_MOST_MS: Final = 86_400_000.0
_MOST_COUNT: Final = 1e9
_MOST_PERCENT: Final = 1e6
_MOST_BYTES: Final = 2.0**50
_SAMPLED: Final = ("cpu_percent", "memory_percent", "disk_free_percent", "memory_rss")
_LEVELS: Final = {
    **dict.fromkeys(("debug", "trace", "verbose", "finest", "fine"), "debug"),
    **dict.fromkeys(("info", "information", "notice", "log", "informational"), "info"),
    **dict.fromkeys(("warning", "warn"), "warning"),
    **dict.fromkeys(("error", "err", "severe"), "error"),
    **dict.fromkeys(("fatal", "critical", "crit", "alert", "emerg", "emergency", "panic"), "fatal"),
}


class Head(msgspec.Struct, frozen=True, gc=False):
    """What every event has; ``own_id`` tells whether the producer gave the id."""

    kind: str
    event_id: str
    own_id: bool
    project: str
    service: str
    environment: str
    release: str
    event_ms: int | None
    weight: float


class Fault(msgspec.Struct, frozen=True, gc=False):
    """What an error event says happened.

    ``pattern`` is what its words are grouped by, ``logged`` what was logged beside an exception.
    """

    level: str
    platform: str
    raised: Raised
    message: str
    pattern: str
    logged: str


class Request(msgspec.Struct, frozen=True, gc=False):
    """One answered request."""

    status: int
    duration_ms: float


class Sessions(msgspec.Struct, frozen=True, gc=False):
    """How many sessions began, and how they ended."""

    started: int
    errored: int
    crashed: int
    abnormal: int


class Sample(msgspec.Struct, frozen=True, gc=False):
    """What one host used: percentages, and bytes of resident memory."""

    host: str
    cpu_percent: float
    memory_percent: float
    disk_free_percent: float
    memory_rss: int


Measure = Request | Sessions | Sample


def read_head(body: Body, kind: str, record: Record) -> Head:
    """Return what every event has; raises Unreadable where no service is named."""
    event_id = event_id_of(body.get("event_id"))
    _scalar(body, "project", 200)
    return Head(
        kind=kind,
        event_id=event_id or _derived_id(record),
        own_id=bool(event_id),
        project=project_of(body),
        service=_service(body),
        environment=_scalar(body, "environment", 64) or "production",
        release=_scalar(body, "release", 200),
        event_ms=ms_of(body.get("timestamp")),
        weight=max(_clamped(number(body.get("sample_weight")), _MOST_WEIGHT), 1.0),
    )


def project_of(body: Body) -> str:
    """Return the project an event belongs to."""
    project = body.get("project")
    return "default" if isinstance(project, dict | list) else text(project) or "default"


def read_fault(body: Body) -> Fault:
    """Return what happened; raises Unreadable for an event that says nothing."""
    platform = text(body.get("platform"), 64).lower()
    error = raised(body, platform)
    pattern, formatted = _log_entry(body)
    if "\n" in formatted and error.stack.text:
        formatted, pattern = (_before(said, error.stack.text) for said in (formatted, pattern))
    message = error.value or formatted or pattern
    if not message and not error.type and not error.stack.frames:
        text_ = "nothing to report: give one of message, logentry, exception, stacktrace, threads"
        raise Unreadable("no_content", text_)
    return Fault(
        level=level_of(body.get("level"), body),
        platform=platform,
        raised=error,
        message=message,
        pattern=error.value if error.type else pattern or message,
        logged=formatted if formatted != message else "",
    )


def _before(said: str, stack: str) -> str:
    """Return what was said in front of a stack that is kept as such, at least the first line."""
    at = said.find(stack[:80])
    return said if at < 0 else said[:at].strip() or said.partition("\n")[0]


def read_content(kind: str, body: Body) -> Fault | Measure:
    """Return what an event of a kind says; raises Unreadable."""
    if kind == "error":
        return read_fault(body)
    if kind == "request":
        return read_request(body)
    return read_sessions(body) if kind == "session" else read_sample(body)


def read_request(body: Body) -> Request:
    """Return a request's facts; raises Unreadable where one is missing."""
    status, duration = number(body.get("status")), number(body.get("duration_ms"))
    if status is None or duration is None or duration < 0:
        raise Unreadable(
            "wrong_type", "a request needs status and duration_ms, numbers of at least 0"
        )
    return Request(int(_clamped(status, 999)), min(duration, _MOST_MS))


def read_sessions(body: Body) -> Sessions:
    """Return a session record's counts; raises Unreadable without any."""
    given = {name: number(body.get(name)) for name in COUNTS}
    counts = {
        name: int(min(n, _MOST_COUNT)) for name, n in given.items() if n is not None and n >= 0
    }
    if not counts:
        raise Unreadable("no_content", f"a session needs one of {', '.join(COUNTS)}, numbers")
    ended = sum(n for name, n in counts.items() if name != "started")
    return Sessions(
        started=counts.get("started", ended),
        errored=counts.get("errored", 0),
        crashed=counts.get("crashed", 0),
        abnormal=counts.get("abnormal", 0),
    )


def read_sample(body: Body) -> Sample:
    """Return a host's sample; raises Unreadable without a host or without a value."""
    host = text(body.get("host") or body.get("server_name"), 256)
    cpu, memory, disk, rss = (number(body.get(name)) for name in _SAMPLED)
    if not host or (cpu is None and memory is None and disk is None):
        raise Unreadable(
            "no_content", f"a resource sample needs host and one of {', '.join(_SAMPLED[:3])}"
        )
    return Sample(
        host=host,
        cpu_percent=_clamped(cpu, _MOST_PERCENT),
        memory_percent=_clamped(memory, _MOST_PERCENT),
        disk_free_percent=100.0 if disk is None else _clamped(disk, 100),
        memory_rss=int(_clamped(rss, _MOST_BYTES)),
    )


def level_of(value: Any, body: Body | None = None) -> str:
    """Return one of five levels; numbers are pino's, below 10 syslog's."""
    if isinstance(value, str):
        # OTel numbers its finer levels: ERROR2.
        return _LEVELS.get(value.strip().lower().rstrip("234"), "error")
    if isinstance(value, dict):
        return level_of(value.get("name"))
    body = body or {}
    severity = number(body.get("severityNumber") or body.get("severity_number"))
    if severity is not None:
        return _by(severity, ((21, "fatal"), (17, "error"), (13, "warning"), (9, "info")))
    level = number(value)
    if level is None:
        return "error"
    if level < 10:
        syslog = "fatal", "fatal", "fatal", "error", "warning", "info", "info"
        return syslog[int(level)] if 0 <= level < 7 else "debug"
    return _by(level, ((60, "fatal"), (50, "error"), (40, "warning"), (30, "info")))


def user_id_of(body: Body) -> str:
    """Return who was affected: an id, else another name of the user."""
    user = body.get("user")
    if isinstance(user, dict):
        return text(user.get("id") or user.get("username") or user.get("email"))
    return text(user) if isinstance(user, str | int) and not isinstance(user, bool) else ""


def _clamped(value: float | None, most: float) -> float:
    """Return a number between 0 and the most that counts, 0 for none."""
    return 0.0 if value is None else min(max(value, 0.0), most)


def _by(value: float, steps: tuple[tuple[int, str], ...]) -> str:
    """Return the level of the first step that the value reaches."""
    return next((level for least, level in steps if value >= least), "debug")


def _derived_id(record: Record) -> str:
    """Return an id of where the record stands, which a replay repeats."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    return uuid5(NAMESPACE_OID, place).hex


def _service(body: Body) -> str:
    """Return the service's name; raises Unreadable where nothing names it."""
    service = _scalar(body, "service", 200) or text(mapping(body.get("tags")).get("service"))
    service = service or _scalar(body, "project", 200)
    if not service:
        raise Unreadable("no_service", 'the event names no service: add "service": "<its name>"')
    return service


def _scalar(body: Body, name: str, limit: int) -> str:
    """Return a text field; raises Unreadable for an object or a list."""
    value = body.get(name)
    if isinstance(value, dict | list):
        raise Unreadable("wrong_type", f"{name} is a text, not an {type(value).__name__}")
    return text(value, limit)


def _log_entry(body: Body) -> tuple[str, str]:
    """Return the template of a message and its formatted text."""
    pattern = formatted = ""
    for name in ("logentry", "message"):
        value = body.get(name)
        if isinstance(value, dict) and not (value.keys() & {"message", "formatted"}):
            formatted = formatted or text(value, MAX_MESSAGE)
        elif isinstance(value, dict):
            pattern = pattern or text(value.get("message"), MAX_MESSAGE)
            formatted = formatted or text(value.get("formatted"), MAX_MESSAGE)
        elif value is not None:
            formatted = formatted or text(value, MAX_MESSAGE)
    return pattern or formatted, formatted or pattern
