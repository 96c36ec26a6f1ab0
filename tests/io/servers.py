"""Real servers with scripted answers: HTTP, and SMTP with and without encryption."""

import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self

from aiosmtpd.controller import Controller


class Answer(NamedTuple):
    """One scripted answer; ``hang`` waits for the server's end, ``drop`` cuts the connection."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b"ok"
    hang: bool = False
    drop: bool = False


class Got(NamedTuple):
    """One request as it arrived."""

    at: float
    path: str
    headers: dict[str, str]
    body: bytes


class HttpServer:
    """Answers requests one after the other as scripted, and with the last answer from then on."""

    def __init__(self, answers: Sequence[Answer] = (Answer(),)) -> None:
        self.got: list[Got] = []
        script, got = list(answers), self.got
        self._end = end = threading.Event()
        self.arrived = arrived = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            """Plays the script."""

            def do_POST(self) -> None:
                """Keep the request and play the next answer."""
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got.append(Got(time.monotonic(), self.path, headers, body))
                answer = script.pop(0) if len(script) > 1 else script[0]
                arrived.set()
                if answer.hang:
                    end.wait(30)
                if answer.hang or answer.drop:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST  # noqa: N815  the name that http.server looks for

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def a_certificate(folder: Path) -> Path:
    """Return a file with a self-signed certificate for localhost and its key."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    what = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = [
        "openssl",
        *what.split(),
        *name.split(),
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(command, check=True, capture_output=True)
    certificate.write_text(key.read_text() + certificate.read_text())
    return certificate


class Mailbox:
    """Keeps mails, and answers as scripted: to a recipient, and to the data."""

    def __init__(self, *, rcpt: Mapping[str, str] | None = None, data: str = "") -> None:
        self.mails: list[EmailMessage] = []
        self._rcpt = rcpt or {}
        self._data = data

    async def handle_RCPT(  # noqa: N802  the name that aiosmtpd looks for
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take or refuse a recipient."""
        answer = self._rcpt.get(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take or refuse a mail."""
        if self._data:
            return self._data
        message = message_from_bytes(envelope.content, policy=SMTP)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"


class SmtpServer(Controller):
    """A real SMTP server on a free port."""

    def __init__(self, mailbox: Mailbox, **settings: Any) -> None:
        super().__init__(mailbox, hostname="127.0.0.1", port=free_port(), **settings)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
