"""A small HTTP receiver that plays Slack, PagerDuty and a webhook, and keeps what it was told."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

import orjson


class Notice(NamedTuple):
    """One delivered notice; ``at`` is on the monotonic clock, ``headers`` in lower case."""

    at: float
    channel: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def status(self) -> str:
        """``firing`` or ``resolved``, as the channel says it."""
        if self.channel == "pagerduty":
            return "firing" if self.body.get("event_action") == "trigger" else "resolved"
        if self.channel == "webhook":
            return str(self.body.get("status", ""))
        return "resolved" if "resolved" in orjson.dumps(self.body).decode().lower() else "firing"


ANSWERS: dict[str, tuple[int, bytes]] = {
    "slack": (200, b"ok"),
    "pagerduty": (202, b'{"status":"success","message":"Event processed","dedup_key":""}'),
    "webhook": (200, b"{}"),
}


class Receiver:
    """The receiver; ``notices`` grows as they arrive."""

    def __init__(self, port: int = 0) -> None:
        self.notices: list[Notice] = []
        notices = self.notices

        class Handler(BaseHTTPRequestHandler):
            """Answers as the channel named by the path would."""

            def do_POST(self) -> None:
                """Keep one notice and answer it."""
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                channel = self.path.strip("/").split("/")[0]
                status, answer = ANSWERS.get(channel, (404, b"no such channel"))
                if channel in ANSWERS:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    notices.append(Notice(time.monotonic(), channel, headers, orjson.loads(body)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Stay silent: the terminal belongs to the demo."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
