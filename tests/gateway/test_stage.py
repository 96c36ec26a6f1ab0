"""The entry: paths, methods, errors, CORS."""

import pytest

from pipeline.gateway.exchange import HttpRequest
from tests.build import AT
from tests.gateway.build import a_request, a_stage, an_envelope, reply_json

EVENT = an_envelope(("event", {"message": "boom"}))
POSTS = ["/api/42/envelope/", "/api/42/store/", "/tunnel", "/ingest/json"]
EXPOSED = "x-sentry-error, x-sentry-rate-limits, retry-after"


def answered(request: HttpRequest) -> tuple[int, dict[str, str]]:
    """Return status and headers."""
    reply = a_stage().handle(request, AT).reply
    return reply.status, dict(reply.headers)


@pytest.mark.parametrize("path", POSTS)
def test_slash_at_the_end(path: str) -> None:
    """Each path works with and without a slash at its end."""
    body = EVENT if "envelope" in path or path == "/tunnel" else b'{"message":"boom"}'
    for form in (path.rstrip("/"), path.rstrip("/") + "/"):
        assert answered(a_request(body, path=form))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/ingest/json", 200),
        ("HEAD", "/ingest/json", 200),
        ("GET", "/api/42/envelope/", 405),
        ("PUT", "/ingest/json", 405),
        ("POST", "/healthz", 405),
        ("POST", "/api/42/security/", 404),
        ("POST", "/api/42/csp-report/", 404),
        ("POST", "/api/42/minidump/", 404),
        ("POST", "/", 404),
        ("POST", "/v1/logs", 404),
        ("POST", "/api/42/integration/otlp/v1/traces", 404),
        ("GET", "/../etc/passwd", 404),
    ],
)
def test_paths(method: str, path: str, status: int) -> None:
    """Paths and methods that nothing is behind are refused with a sentence."""
    answer = a_stage().handle(a_request(path=path, method=method), AT)

    assert answer.reply.status == status
    if status != 200:
        assert reply_json(answer)["detail"]
        assert answer.messages == []


@pytest.mark.parametrize("path", POSTS)
def test_preflight(path: str) -> None:
    """A page of another origin may send with all headers that SDKs use."""
    status, headers = answered(a_request(path=path, method="OPTIONS", key=None))

    assert status == 200
    assert headers["access-control-allow-methods"] == "POST"
    assert headers["access-control-max-age"] == "3600"
    allowed = headers["access-control-allow-headers"].split(", ")
    assert {"x-sentry-auth", "content-type", "content-encoding", "authorization"} <= set(allowed)


@pytest.mark.parametrize(
    "request_",
    [
        a_request(EVENT, path="/api/42/envelope/"),
        a_request(EVENT, path="/api/42/envelope/", key=None),
        a_request(b"{", path="/api/42/envelope/"),
        a_request(path="/nowhere"),
        a_request(path="/ingest/json", method="OPTIONS"),
        a_request(b"x", content_encoding="br"),
    ],
)
def test_cors_on_every_answer(request_: HttpRequest) -> None:
    """Answers and errors alike may be read from another origin, limits included."""
    _, headers = answered(request_)

    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-expose-headers"] == EXPOSED


def test_error_as_sdks_read_it() -> None:
    """An error stands in the body and, in one printable line, in a header."""
    answer = a_stage().handle(a_request(path="/nöwhere\r\nx-evil: 1"), AT)
    header = dict(answer.reply.headers)["x-sentry-error"]

    assert reply_json(answer) == {
        "detail": "nothing listens at /nöwhere\r\nx-evil: 1: see the README",
        "causes": [],
    }
    assert header.isprintable()
    assert header.isascii()


def test_more_tunnels() -> None:
    """More paths may take tunnelled envelopes, by setting."""
    stage = a_stage(tunnels=("/tunnel", "/t/errors"))

    assert stage.handle(a_request(EVENT, path="/t/errors/"), AT).reply.status == 200


def test_long_header() -> None:
    """A header line beyond 8 KiB is refused."""
    assert answered(a_request({"message": "a"}, x_long="x" * 9000))[0] == 400


def test_body_limits() -> None:
    """The limits hold before and after unpacking."""
    stage = a_stage(max_compressed_bytes=10)

    assert stage.handle(a_request(b" " * 11), AT).reply.status == 413
    assert stage.too_large("/ingest/json").reply.status == 413
    assert a_stage(max_decompressed_bytes=10).handle(a_request(b" " * 11), AT).reply.status == 413


def test_every_request_is_noted() -> None:
    """Each request is counted by endpoint and status, with labels of a handful of values."""
    for request, labels in (
        (a_request({"message": "a"}), {"endpoint": "json", "status": "200"}),
        (a_request(path="/x/y"), {"endpoint": "unknown", "status": "404"}),
        (a_request(EVENT, path="/api/7/envelope"), {"endpoint": "envelope", "status": "200"}),
    ):
        notes = a_stage().handle(request, AT).notes
        assert [note.labels for note in notes if note.name == "gateway_requests"] == [labels]


def test_away_is_never_5xx() -> None:
    """While Kafka is away the answer names the categories, so that client reports keep coming."""
    stage = a_stage()
    notes = stage.handle(a_request([{"message": "a"}, {}]), AT).notes
    answer = stage.unavailable("/ingest/json", notes)
    headers = dict(answer.reply.headers)

    assert answer.reply.status == 429
    assert headers["retry-after"] == "5"
    limits = "5:error;default;session;transaction;span:key:unavailable"
    assert headers["x-sentry-rate-limits"] == limits
    assert {note.labels["outcome"] for note in answer.notes if note.name == "gateway_items"} == {
        "refused"
    }
