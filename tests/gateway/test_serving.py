"""The gateway over real HTTP."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import orjson
import pytest

from pipeline.model.stage import Sent
from tests.gateway.bombs import BOMBS
from tests.gateway.build import ALL, ENVELOPES, KEY, Capture
from tests.gateway.serving import Serving, a_gateway

ENVELOPE = "/api/42/envelope/"


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    """Return a gateway for all tests that only count what they sent themselves."""
    with a_gateway() as gateway:
        yield gateway


def post(served: Serving, capture: Capture) -> tuple[int, bytes]:
    """Send a captured request as it was sent, chunked if it was."""
    headers = {
        name: value
        for name, value in capture.sent["headers"]
        if name.lower() not in {"host", "connection", "content-length", "transfer-encoding"}
    }
    body = capture.body
    chunks = (body[at : at + 1000] for at in range(0, len(body), 1000))
    status, answer, _ = served.post(
        capture.sent["path"], chunks if capture.chunked else body, headers
    )
    return status, answer


def test_captures_over_http() -> None:
    """2.14 All captured requests arrive with the ids and counts of the index."""
    with a_gateway() as served:
        for capture in ALL:
            status, answer = post(served, capture)
            assert status == 200, capture.name
            if capture.expected.event_id:
                assert orjson.loads(answer) == {"id": capture.expected.event_id}
        kinds = [orjson.loads(record.value or b"")["kind"] for record in served.records()]

        built = sum(c.expected.events for c in ALL if c.kind == "built")
        errors = sum(c.expected.events for c in ENVELOPES) + built
        assert kinds.count("error") == errors
        assert not served.records("dead-letters")
        reports = [orjson.loads(r.value or b"") for r in served.records("client-reports")]
        discarded = [entry for c in ENVELOPES for entry in c.expected.discarded]
        assert sum(r["quantity"] for r in reports) == sum(e["quantity"] for e in discarded)


SDK = """
import sentry_sdk
sentry_sdk.init("http://{key}@127.0.0.1:{port}/42")
try:
    1 / 0
except ZeroDivisionError:
    print(sentry_sdk.capture_exception())
sentry_sdk.flush(10)
"""


def test_unmodified_sentry_sdk() -> None:
    """2.14 An unmodified sentry-sdk with a plain DSN is received under the id that it told."""
    with a_gateway() as served:
        script = SDK.format(key=KEY, port=served.port)
        command = [sys.executable, "-c", script]
        printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        events = [orjson.loads(record.value or b"") for record in served.records()]
        errors = [event for event in events if event["kind"] == "error"]

        assert [event["event_id"] for event in errors] == [printed.stdout.strip()]
        assert errors[0]["exception"]["values"][0]["type"] == "ZeroDivisionError"
        assert (errors[0]["project"], errors[0]["service"]) == ("shop", "shop")


@pytest.mark.parametrize("encoding", BOMBS)
@pytest.mark.parametrize("chunked", [False, True])
def test_bombs(served: Serving, encoding: str, *, chunked: bool) -> None:
    """A body of 200 MiB unpacked is refused with 413 in every encoding."""
    body = BOMBS[encoding]()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Encoding": encoding}
    status, _, _ = served.post(ENVELOPE, [body] if chunked else body, headers)

    assert status == 413


def test_declared_length() -> None:
    """A body that says that it is too long is refused before it is read."""
    with a_gateway(max_compressed_bytes=100) as served:
        status, answer, headers = served.post("/ingest/json", b"[" + b" " * 200 + b"]")

        assert status == 413
        assert b"100 bytes" in answer
        assert headers["access-control-allow-origin"] == "*"


def test_chunks_without_end() -> None:
    """A chunked body is refused once it exceeds the limit."""
    with a_gateway(max_compressed_bytes=100) as served:
        status, _, _ = served.post("/ingest/json", (b" " * 60 for _ in range(3)))

        assert status == 413


class Broken:
    """A producer whose broker answers with an error, or never."""

    def __init__(self, error: str | None, *, answers: bool) -> None:
        self._error = error
        self._answers = answers

    def send(self, message: Sent, done: Callable[[str | None], None]) -> None:
        """Answer as told."""
        del message
        if self._answers:
            done(self._error)

    def flush(self, timeout_s: float) -> int:
        """Return 0: nothing is waited for."""
        del timeout_s
        return 0

    def close(self) -> None:
        """End."""


@pytest.mark.parametrize("answers", [True, False])
def test_kafka_away(*, answers: bool) -> None:
    """Without an acknowledgement the answer is 429 with the categories named, never 5xx."""
    with a_gateway(Broken("no broker", answers=answers), ack_s=0.2, retry_after_s=7) as served:
        status, _, headers = served.post("/ingest/json", b'{"message":"boom"}')

        assert status == 429
        assert headers["retry-after"] == "7"
        limits = "7:error;default;session;transaction;span:key:unavailable"
        assert headers["x-sentry-rate-limits"] == limits
        refused = [note for note in served.notes if note.labels.get("outcome") == "refused"]
        assert [note.labels["kind"] for note in refused] == ["error"]


def test_one_of_many_unacknowledged() -> None:
    """One message without an acknowledgement is enough for 429."""

    class Flaky(Broken):
        """Fails every second message."""

        sent = 0

        def send(self, message: Sent, done: Callable[[str | None], None]) -> None:
            """Fail or not."""
            self.sent += 1
            done("lost" if self.sent % 2 else None)

    with a_gateway(Flaky(None, answers=True)) as served:
        status, _, _ = served.post("/ingest/json", b'{"message":"a"}\n{"message":"b"}')

        assert status == 429


def test_large_request_in_portions(served: Serving) -> None:
    """A body bigger than the producer's queue is sent in portions and answered once."""
    before = len(served.records())
    record = orjson.dumps({"message": "boom", "extra": {"blob": "x" * 500_000}})
    status, answer, _ = served.post("/ingest/json", b"\n".join([record] * 40))

    assert status == 200
    assert orjson.loads(answer) == {"accepted": 40, "rejected": 0, "errors": []}
    assert len(served.records()) == before + 40


def test_health(served: Serving) -> None:
    """HEAD and GET answer 200 where collectors look."""
    for path in ("/healthz", "/ingest/json"):
        for method in ("GET", "HEAD"):
            assert served.post(path, b"", {}, method)[0] == 200


def test_413_is_quick(served: Serving) -> None:
    """413 comes within 50 ms of a request that declares too much."""
    served.post("/healthz", b"", {}, "GET")
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Length": str(2**30)}
    status, _, _ = served.post("/ingest/json", b"", headers)

    assert status == 413
    assert time.perf_counter() - began < 0.05
