"""What the shell hands in, what it gets back, and how a request is refused."""

from datetime import datetime

import msgspec
import orjson

from pipeline.model.stage import Note, Sent

Pairs = tuple[tuple[str, str], ...]

CORS: Pairs = (
    ("access-control-allow-origin", "*"),
    # Without it browsers hide a rate limit from the SDK, which then goes on sending.
    ("access-control-expose-headers", "x-sentry-error, x-sentry-rate-limits, retry-after"),
)
PREFLIGHT: Pairs = (
    ("access-control-allow-methods", "POST"),
    (
        "access-control-allow-headers",
        "x-sentry-auth, x-api-key, content-type, content-encoding, authorization",
    ),
    ("access-control-max-age", "3600"),
)


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request with its body as sent; header names are in lower case, the query is decoded.

    ``seed`` is random and new for each request: ids of records that have nothing of their own
    to be told apart by are drawn from it.
    """

    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""
    client: str = ""
    seed: bytes = b""

    def header(self, name: str) -> str:
        """Return the first header of this name, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")


class Reply(msgspec.Struct, frozen=True):
    """An answer; ``headers`` are those beside the content's type and length."""

    status: int
    body: bytes
    headers: Pairs = ()


class Answer(msgspec.Struct, frozen=True):
    """The reply that may be given once all messages are safe."""

    reply: Reply
    messages: list[Sent] = []
    notes: list[Note] = []


class Refused(Exception):
    """The request is refused with this status; the text says what is wrong and what to do."""

    def __init__(self, status: int, detail: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.causes = causes


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What every record of one request shares."""

    project: str
    now: datetime
    endpoint: str
    seed: bytes
    client: str = ""


def ok(value: object) -> Reply:
    """Return 200 with a JSON body."""
    return Reply(200, orjson.dumps(value), CORS)


def refusal(status: int, detail: str, causes: tuple[str, ...] = ()) -> Reply:
    """Return an error as SDKs read it: the reason stands in the body and in a header."""
    body = orjson.dumps({"detail": detail, "causes": list(causes)})
    line = detail.encode("ascii", "replace").decode()[:500]
    printable = "".join(char if char.isprintable() else " " for char in line)
    return Reply(status, body, (*CORS, ("x-sentry-error", printable)))
