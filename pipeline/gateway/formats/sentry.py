"""Sentry's envelopes and events: which item goes where.

event ─────────────────────────▶ events.raw, kind error
transaction, span (root, HTTP) ▶ events.raw, kind request
session, sessions ─────────────▶ events.raw, kind session
client_report ─────────────────▶ client-reports
anything else ─────────────────▶ counted
"""

from typing import Any

from pipeline.gateway.envelope import Envelope, Item
from pipeline.gateway.formats.sentry_reports import client_reports
from pipeline.gateway.formats.sentry_requests import request_of_span, request_of_transaction
from pipeline.gateway.formats.sentry_sessions import MAX_SESSIONS, sessions_of
from pipeline.gateway.intake import Intake
from pipeline.gateway.times import drift, shifted
from pipeline.model.event import event_id_of
from pipeline.model.lenient import loads

FORM = "sentry"
_MAX_SERVICE = 200
_Payload = dict[str, Any]


def read_envelope(envelope: Envelope, intake: Intake, *, keep_ip: bool) -> str:
    """Pass every item on; return the id that the client is told, or an empty string."""
    reader = _Reader(envelope.header, intake, keep_ip=keep_ip)
    for index, item in enumerate(envelope.items):
        reader.read(index, item)
    return reader.event_id


def read_event(body: bytes, intake: Intake, *, keep_ip: bool) -> str:
    """Pass on the one event of the store endpoint; return its id."""
    return read_envelope(Envelope({}, [Item("event", {}, body)]), intake, keep_ip=keep_ip)


class _Reader:
    """Reads the items of one envelope."""

    def __init__(self, header: _Payload, intake: Intake, *, keep_ip: bool) -> None:
        self._header = header
        self._intake = intake
        self._project = intake.context.project
        self._drift = drift(header.get("sent_at"), intake.context.now)
        self._client_ip = intake.context.client if keep_ip else ""
        self._sessions = 0
        self.event_id = event_id_of(header.get("event_id"))
        self._unclaimed_id = self.event_id
        self._readers = {
            "event": self._event,
            "transaction": self._transaction,
            "span": self._spans,
            "session": self._session,
            "sessions": self._session,
            "client_report": self._report,
        }

    def read(self, index: int, item: Item) -> None:
        """Pass one item on."""
        reader = self._readers.get(item.type)
        if reader is None and not _may_be_cut(item):
            self._intake.drop(item.type)
            return
        try:
            payload, mended = loads(item.payload)
        except ValueError as error:
            text = f"the {item.type} is no JSON: {error}"
            self._intake.reject(index, item.payload, "unreadable", text)
            return
        if not isinstance(payload, dict):
            text = f"the {item.type} is no JSON object"
            self._intake.reject(index, item.payload, "shape", text)
            return
        if mended:
            _mark_mended(payload)
        if reader is None:
            self._intake.drop(item.type)
        else:
            reader(index, item, payload)

    def _event(self, index: int, item: Item, payload: _Payload) -> None:
        """Pass an error on; the store endpoint takes a transaction the same way."""
        if payload.get("type") == "transaction":
            self._transaction(index, item, payload)
            return
        payload["kind"] = "error"
        payload["service"] = service_of(payload, self._project)
        _settle_ip(payload, self._client_ip)
        self._send(index, payload, self._take_id(payload))

    def _transaction(self, index: int, item: Item, payload: _Payload) -> None:
        """Pass on a transaction that was a request to a server."""
        request = request_of_transaction(payload, self._header)
        if request is None:
            self._intake.drop(item.type)
            return
        request["service"] = service_of(payload, self._project)
        self._send(index, request, self._take_id(payload))

    def _spans(self, index: int, item: Item, payload: _Payload) -> None:
        """Pass on the root spans that were requests to a server."""
        spans = payload.get("items", [payload])
        for span in spans if isinstance(spans, list) else []:
            request = request_of_span(span, self._header) if isinstance(span, dict) else None
            if request is None:
                self._intake.drop(item.type)
                continue
            request.setdefault("service", self._project)
            self._send(index, request, self._intake.ids.of(request))

    def _session(self, index: int, item: Item, payload: _Payload) -> None:
        """Pass sessions on, up to as many as an envelope may have."""
        for session in sessions_of(payload):
            if self._sessions == MAX_SESSIONS:
                text = f"more than {MAX_SESSIONS} sessions in an envelope: send several"
                self._intake.reject(index, item.payload, "too_many", text)
                return
            self._sessions += 1
            session["service"] = self._project
            ids = self._intake.ids
            # Two processes may report the same counts for the same minute: both are meant.
            event_id = ids.of(session) if "session_id" in session else ids.drawn()
            self._send(index, session, event_id)

    def _report(self, _index: int, item: Item, payload: _Payload) -> None:
        """Pass on what the client says it lost."""
        report_id = self._intake.ids.digest(item.payload)
        for report in client_reports(payload, report_id, self._project, self._intake.context.now):
            self._intake.report(report)

    def _take_id(self, payload: _Payload) -> str:
        """Return the envelope's id for its first event, and what later ones say themselves."""
        event_id = self._unclaimed_id or self._intake.ids.of(payload)
        self._unclaimed_id = ""
        self.event_id = self.event_id or event_id
        return event_id

    def _send(self, index: int, event: _Payload, event_id: str) -> None:
        """Send a finished event on, its time moved by what the client's clock is wrong."""
        if "timestamp" in event:
            event["timestamp"] = shifted(event["timestamp"], self._drift)
        self._intake.accept(index, event, event_id, FORM)


def _may_be_cut(item: Item) -> bool:
    """Tell whether only decoding shows that an item is complete: JSON without a length."""
    content_type = item.header.get("content_type")
    is_json = isinstance(content_type, str) and content_type.endswith("json")
    return is_json and "length" not in item.header


def _mark_mended(payload: _Payload) -> None:
    """Say in the event that it is not byte for byte what was sent."""
    meta = payload.get("_meta")
    payload["_meta"] = {**(meta if isinstance(meta, dict) else {}), "repaired": True}


def service_of(payload: _Payload, project: str) -> str:
    """Return the service an event names by itself, by tag or by resource, else the project."""
    contexts = payload.get("contexts")
    otel = contexts.get("otel") if isinstance(contexts, dict) else None
    resource = otel.get("resource") if isinstance(otel, dict) else None
    for candidate in (
        payload.get("service"),
        tag_of(payload, "service"),
        resource.get("service.name") if isinstance(resource, dict) else None,
    ):
        if isinstance(candidate, str) and candidate.strip():
            return candidate.strip()[:_MAX_SERVICE]
    return project


def tag_of(payload: _Payload, name: str) -> Any:
    """Return a tag's value; tags are a mapping or a list of pairs."""
    tags = payload.get("tags")
    if isinstance(tags, dict):
        return tags.get(name)
    for pair in tags if isinstance(tags, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and pair[0] == name:
            return pair[1]
    return None


def _settle_ip(payload: _Payload, client_ip: str) -> None:
    """Fill the address in where the SDK asks for it, or take the request for it out."""
    user = payload.get("user")
    if isinstance(user, dict) and user.get("ip_address") == "{{auto}}":
        if client_ip:
            user["ip_address"] = client_ip
        else:
            del user["ip_address"]
