"""The HTTP port of a worker: /metrics, /healthz (the loop turns), /readyz (it can do its work)."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from pipeline.io import metrics

Answer = tuple[int, str, bytes]


class Health:
    """Serves the three paths on a thread of its own until closed; port 0 takes a free one."""

    def __init__(
        self, host: str, port: int, alive: Callable[[], bool], ready: Callable[[], bool]
    ) -> None:
        class Handler(_Handler):
            """The handler of this server."""

            paths: ClassVar[dict[str, Callable[[], Answer]]] = {
                "/metrics": lambda: (200, metrics.CONTENT_TYPE, metrics.exposition()),
                "/healthz": lambda: _verdict(ok=alive()),
                "/readyz": lambda: _verdict(ok=ready()),
            }

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="health", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _verdict(*, ok: bool) -> Answer:
    """Return 200 ok, or 503 no."""
    return (200, "text/plain", b"ok\n") if ok else (503, "text/plain", b"no\n")


class _Handler(BaseHTTPRequestHandler):
    """Answers GET from the table of paths."""

    paths: ClassVar[dict[str, Callable[[], Answer]]] = {}
    timeout = 10

    def do_GET(self) -> None:
        """Answer one request."""
        answer = self.paths.get(self.path.partition("?")[0])
        status, kind, body = answer() if answer else (404, "text/plain", b"no such path\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server names it
        """Stay silent: probes come every few seconds."""
