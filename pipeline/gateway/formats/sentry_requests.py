"""Sentry's transactions and spans as requests: the denominator of every error rate."""

from typing import Any

from pipeline.gateway.times import moment

_Payload = dict[str, Any]

_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}
)
_STATUS = {
    "ok": 200,
    "cancelled": 499,
    "invalid_argument": 400,
    "failed_precondition": 400,
    "out_of_range": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "already_exists": 409,
    "aborted": 409,
    "resource_exhausted": 429,
    "unimplemented": 501,
    "unavailable": 503,
    "deadline_exceeded": 504,
    "error": 500,
    "internal_error": 500,
    "internal": 500,
    "unknown_error": 500,
    "data_loss": 500,
}
_METHOD_KEYS = ("http.request.method", "http.method", "method")
_STATUS_KEYS = ("http.response.status_code", "http.status_code", "status_code")


def request_of_transaction(payload: _Payload, header: _Payload) -> _Payload | None:
    """Return the request that a transaction was, or None if it was none."""
    contexts = _mapping(payload.get("contexts"))
    trace = _mapping(contexts.get("trace"))
    facts = {
        **_mapping(payload.get("tags")),
        **_mapping(trace.get("data")),
        **_mapping(contexts.get("response")),
        **_mapping(payload.get("request")),
    }
    request = _request(
        facts,
        op=trace.get("op"),
        name=payload.get("transaction"),
        status=trace.get("status"),
        start=payload.get("start_timestamp"),
        end=payload.get("timestamp"),
    )
    if request is None:
        return None
    for name in ("release", "environment"):
        request[name] = payload.get(name)
    return _complete(request, header, trace)


def request_of_span(span: _Payload, header: _Payload) -> _Payload | None:
    """Return the request that a root span was, or None for any other span."""
    if not span.get("is_segment"):
        return None
    facts = {name: _plain(value) for name, value in _mapping(span.get("attributes")).items()}
    facts = {**_mapping(span.get("data")), **facts}
    request = _request(
        facts,
        op=facts.get("sentry.op", span.get("op")),
        name=span.get("name", span.get("description")),
        status=span.get("status"),
        start=span.get("start_timestamp"),
        end=span.get("end_timestamp", span.get("timestamp")),
    )
    if request is None:
        return None
    request["release"] = facts.get("sentry.release")
    request["environment"] = facts.get("sentry.environment")
    service = facts.get("service.name")
    if isinstance(service, str) and service:
        request["service"] = service
    return _complete(request, header, span)


def _request(
    facts: _Payload, *, op: Any, name: Any, status: Any, start: Any, end: Any
) -> _Payload | None:
    """Return the parts that every request has, or None if this was not one to a server."""
    began, ended = moment(start), moment(end)
    method, route = _method_and_route(facts, name)
    is_server = op == "http.server" or (method != "" and op != "http.client")
    if not is_server or began is None or ended is None:
        return None
    return {
        "kind": "request",
        "timestamp": end,
        "method": method or "GET",
        "route": route,
        "status": _status(facts, status),
        # A clock that was set back in between makes a request no shorter than nothing.
        "duration_ms": max(0.0, round((ended - began).total_seconds() * 1000, 3)),
    }


def _method_and_route(facts: _Payload, name: Any) -> tuple[str, str]:
    """Return method and route template, from the attributes or from ``GET /items/{id}``."""
    text = name if isinstance(name, str) else ""
    first, _, rest = text.partition(" ")
    method = next((facts[key] for key in _METHOD_KEYS if isinstance(facts.get(key), str)), "")
    if first.upper() in _METHODS and rest:
        method, text = method or first, rest
    route = facts.get("http.route")
    return method.upper()[:16], (route if isinstance(route, str) and route else text)[:200]


def _status(facts: _Payload, named: Any) -> int:
    """Return the HTTP status, the one that a span status stands for, or 200: it did end."""
    for key in _STATUS_KEYS:
        value = facts.get(key)
        number = int(value) if isinstance(value, int | float | str) and _is_number(value) else 0
        if 100 <= number <= 599:
            return number
    return _STATUS.get(named, 200) if isinstance(named, str) else 200


def _is_number(value: float | str) -> bool:
    """Tell whether ``int`` takes it: SDKs send tags as text."""
    return value.isdecimal() and len(value) < 5 if isinstance(value, str) else abs(value) < 1000


def _complete(request: _Payload, header: _Payload, trace: _Payload) -> _Payload:
    """Add trace and weight, and take out what is not known."""
    request["trace"] = {name: trace.get(name) for name in ("trace_id", "span_id")}
    rate = _mapping(header.get("trace")).get("sample_rate")
    try:
        share = float(rate) if isinstance(rate, str | int | float) else 1.0
    except ValueError:
        share = 1.0
    if 0 < share < 1:
        request["sample_weight"] = round(1 / share, 6)
    return {name: value for name, value in request.items() if value is not None}


def _mapping(value: Any) -> _Payload:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def _plain(value: Any) -> Any:
    """Return the value of a typed attribute ``{"value": …, "type": …}``."""
    return value.get("value") if isinstance(value, dict) else value
