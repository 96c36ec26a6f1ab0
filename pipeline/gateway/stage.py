"""The entry: one HTTP request becomes messages, notes and a reply.

The reply may be given only when Kafka has acknowledged every message; where it does not, the
shell gives ``unavailable`` in its place.
"""

from datetime import datetime

from pipeline.gateway import auth
from pipeline.gateway.envelope import header_of, parse
from pipeline.gateway.exchange import (
    CORS,
    PREFLIGHT,
    Answer,
    Context,
    HttpRequest,
    Refused,
    Reply,
    ok,
    refusal,
)
from pipeline.gateway.formats.json import read_records
from pipeline.gateway.formats.sentry import read_envelope, read_event
from pipeline.gateway.inflate import beginning, inflate
from pipeline.gateway.intake import Intake
from pipeline.gateway.settings import GatewaySettings
from pipeline.model.stage import Note

# Named, so that a client's reports of what it dropped keep flowing.
_LIMITED = "error;default;session;transaction;span"
_MAX_HEADER = 8192
_MAX_ENVELOPE_HEADER = 2**16


class GatewayStage:
    """Turns requests into messages; it remembers nothing between them."""

    def __init__(self, *, settings: GatewaySettings) -> None:
        self._settings = settings
        self.body_limit = settings.max_compressed_bytes

    def handle(self, request: HttpRequest, now: datetime) -> Answer:
        """Return what follows from one request; never raises, whatever was sent."""
        endpoint = endpoint_of(request.path, self._settings.tunnels)
        try:
            answer = self._answer(request, endpoint, now)
        except Refused as refused:
            answer = Answer(refusal(refused.status, refused.detail, refused.causes))
        return self._noted(answer, endpoint)

    def too_large(self, path: str) -> Answer:
        """Return the answer to a body that exceeds the limit while it is being read."""
        text = f"the body exceeds {self.body_limit} bytes: send less at once"
        answer = Answer(refusal(413, text))
        return self._noted(answer, endpoint_of(path, self._settings.tunnels))

    def unavailable(self, path: str, refused: list[Note]) -> Answer:
        """Return the answer while Kafka is away: never 5xx, since SDKs would lose everything.

        The categories are named in full, or clients would hold back their reports as well.
        Clients do not count what is refused with this answer: its notes do.
        """
        seconds = str(self._settings.retry_after_s)
        reply = refusal(429, f"Kafka does not answer: send it again in {seconds} s")
        limits = f"{seconds}:{_LIMITED}:key:unavailable"
        headers = (*reply.headers, ("retry-after", seconds), ("x-sentry-rate-limits", limits))
        notes = [
            Note(note.name, {**note.labels, "outcome": "refused"}, note.n)
            for note in refused
            if note.name == "gateway_items"
        ]
        answer = Answer(Reply(reply.status, reply.body, headers), notes=notes)
        return self._noted(answer, endpoint_of(path, self._settings.tunnels))

    @staticmethod
    def _noted(answer: Answer, endpoint: str) -> Answer:
        """Return the answer with a note about the request itself."""
        labels = {"endpoint": endpoint, "status": str(answer.reply.status)}
        return Answer(
            answer.reply, answer.messages, [*answer.notes, Note("gateway_requests", labels)]
        )

    def _answer(self, request: HttpRequest, endpoint: str, now: datetime) -> Answer:
        """Return the answer to one request; raises Refused."""
        if any(len(name) + len(value) > _MAX_HEADER for name, value in request.headers):
            raise Refused(400, f"a header line exceeds {_MAX_HEADER} bytes")
        if endpoint == "unknown":
            raise Refused(404, f"nothing listens at {request.path[:100]}: see the README")
        if endpoint == "otlp":
            raise Refused(404, "OTLP is not taken yet: send Sentry envelopes or JSON")
        if request.method == "OPTIONS":
            return Answer(Reply(200, b"", (*CORS, *PREFLIGHT)))
        if request.method in {"GET", "HEAD"} and endpoint in {"json", "health"}:
            return Answer(ok({"status": "ok"}))
        if request.method != "POST" or endpoint == "health":
            raise Refused(405, f"{request.method} is not possible here: use POST")
        if endpoint == "json":
            return self._json(request, now)
        return self._sentry(request, endpoint, now)

    def _sentry(self, request: HttpRequest, endpoint: str, now: datetime) -> Answer:
        """Return the answer to an envelope or to a single Sentry event."""
        keys = auth.presented(request)
        if endpoint == "store":
            intake = self._intake(request, keys, endpoint, now)
            event_id = read_event(
                self._body(request), intake, keep_ip=self._settings.keep_client_ip
            )
        else:
            # Who sends is asked before the body is unpacked: it may be big, or a bomb.
            auth.project_of(self._settings.keys, keys or self._key_inside(request))
            envelope = parse(self._body(request))
            keys += auth.key_of_dsn(envelope.header.get("dsn"))
            intake = self._intake(request, keys, endpoint, now)
            event_id = read_envelope(envelope, intake, keep_ip=self._settings.keep_client_ip)
        if intake.rejected:
            return Answer(_complaints(intake), intake.messages, intake.notes())
        return Answer(ok({"id": event_id} if event_id else {}), intake.messages, intake.notes())

    def _key_inside(self, request: HttpRequest) -> list[str]:
        """Return the key in the header of an envelope; nothing behind it is unpacked."""
        encoding = request.header("content-encoding")
        header = header_of(beginning(request.body, encoding, _MAX_ENVELOPE_HEADER))
        return auth.key_of_dsn(header.get("dsn"))

    def _json(self, request: HttpRequest, now: datetime) -> Answer:
        """Return the answer to records in JSON."""
        intake = self._intake(request, auth.presented(request), "json", now)
        content_type = request.header("content-type")
        read_records(self._body(request), content_type, self._settings.max_records, intake)
        if intake.rejected and not intake.accepted:
            return Answer(_complaints(intake), intake.messages, intake.notes())
        reply = ok(
            {"accepted": intake.accepted, "rejected": intake.rejected, "errors": intake.errors}
        )
        return Answer(reply, intake.messages, intake.notes())

    def _intake(
        self, request: HttpRequest, keys: list[str], endpoint: str, now: datetime
    ) -> Intake:
        """Return an empty intake for the project of the key; raises Refused 403."""
        project = auth.project_of(self._settings.keys, keys)
        context = Context(
            project=project, now=now, endpoint=endpoint, seed=request.seed, client=request.client
        )
        return Intake(context, self._settings.max_event_bytes)

    def _body(self, request: HttpRequest) -> bytes:
        """Return the unpacked body; raises Refused."""
        if len(request.body) > self.body_limit:
            raise Refused(413, f"the body exceeds {self.body_limit} bytes: send less at once")
        encoding = request.header("content-encoding")
        return inflate(request.body, encoding, self._settings.max_decompressed_bytes)


def _complaints(intake: Intake) -> Reply:
    """Return the refusal of what was bad; what was good has been accepted all the same."""
    status = 413 if intake.too_big == intake.rejected else 400
    causes = tuple(f"{error['index']}: {error['reason']}" for error in intake.errors)
    text = f"{intake.rejected} records are refused, {intake.accepted} are accepted"
    return refusal(status, f"{text}; first {causes[0]}", causes)


def endpoint_of(path: str, tunnels: tuple[str, ...]) -> str:
    """Return the name of the endpoint at a path, with or without a slash at its end."""
    bare = path.rstrip("/")
    if bare in {tunnel.rstrip("/") for tunnel in tunnels}:
        return "tunnel"
    match bare.split("/"):
        case ["", "ingest", "json"]:
            return "json"
        case ["", "healthz"]:
            return "health"
        case ["", "api", _, "envelope" | "store" as name]:
            return name
        case ["", "v1", "logs" | "traces" | "metrics"]:
            return "otlp"
        case ["", "api", _, "integration", "otlp", "v1", "logs" | "traces" | "metrics"]:
            return "otlp"
        case _:
            return "unknown"
