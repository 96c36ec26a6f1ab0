"""``tocsin store``: chDB behind ClickHouse's HTTP interface.

Stages, analysts, curl and any ClickHouse client use one door; on one machine it is this one, beyond
that it is a ClickHouse server's.
"""

import hmac
import itertools
import json
import threading
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from pipeline.store.coding import CHUNK, Undecodable, compress, plain
from pipeline.store.engine import Answer, Engine, EngineError, Request
from pipeline.store.guard import Refused, code_of, status_of
from pipeline.store.insert import HEAD, Insert, split

# Parameters of the interface itself; every other one is a setting.
_OWN = {
    *("query", "database", "default_format", "session_id", "session_timeout", "session_check"),
    *("query_id", "user", "password", "compress", "decompress", "enable_http_compression"),
    *("client_protocol_version", "http_make_head_request", "role", "quota_key"),
    *("wait_end_of_query", "buffer_size", "send_progress_in_http_headers", "readonly"),
}
TEXT_LIMIT = 64 * 2**20
STOP_S = 5.0


class Users(NamedTuple):
    """Passwords of the two users; readers may only SELECT."""

    writer: str = ""
    reader: str = ""

    def is_reader(self, name: str, password: str) -> bool:
        """Return whether the user only reads; raises Refused for a wrong name or password."""
        known = {"default": self.writer, "analyst": self.reader}
        right = known.get(name)
        if right is None or not hmac.compare_digest(right.encode(), password.encode()):
            text = f"{name}: Authentication failed. (AUTHENTICATION_FAILED)"
            raise Refused(516, text)
        return name == "analyst"


class Server(ThreadingHTTPServer):
    """The HTTP server; a thread per connection, of which most are idle most of the time."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, engine: Engine, users: Users) -> None:
        self.engine = engine
        self.users = users
        self._running = 0
        self._idle = threading.Condition()
        super().__init__((host, port), Handler)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count a request from its first to its last byte."""
        with self._idle:
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def wait_idle(self, within_s: float) -> bool:
        """Wait until no request runs; False if the time was over first."""
        with self._idle:
            return self._idle.wait_for(lambda: self._running == 0, within_s)


class Handler(BaseHTTPRequestHandler):
    """One connection; each request gets a fresh one to the engine."""

    protocol_version = "HTTP/1.1"
    server_version = "tocsin-store"
    timeout = 65
    # Head and body leave in one packet: two would wait 40 ms for each other (Nagle, delayed ACK).
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Answer /ping, or run a query that may only read."""
        path = urlsplit(self.path).path
        if path == "/ping" or (path == "/" and not urlsplit(self.path).query):
            self._reply(200, b"Ok.\n")
        else:
            self._handle(only_read=True)

    do_HEAD = do_GET  # noqa: N815  the name http.server looks for

    def do_POST(self) -> None:
        """Run a query."""
        self._handle(only_read=False)

    def _handle(self, *, only_read: bool) -> None:
        """Run one request and answer; the body is always drained."""
        with self.server.running():
            self._serve(only_read=only_read)

    def _serve(self, *, only_read: bool) -> None:
        """Run one request and answer."""
        body = _Body(self)
        try:
            answer, format_ = self._run(body, only_read=only_read)
        except (Refused, EngineError) as error:
            self._fail(str(error))
        except Undecodable as error:
            self._fail(f"Code: 354. DB::Exception: {error}. (ZLIB_INFLATE_FAILED)")
        else:
            self._answer(answer, format_)
        body.drain()

    def _run(self, body: "_Body", *, only_read: bool) -> tuple[Answer, str]:
        """Return the answer and the name of its format."""
        asked = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        given = {name: values[-1] for name, values in asked.items()}
        if given.get("compress") == "1" or given.get("decompress") == "1":
            raise Refused(1, "native compression is not served: turn compress off, HTTP's is")
        is_reader = self.server.users.is_reader(*self._credentials(given)) or only_read
        parts = body.chunks()
        request = Request(
            query="",
            parameters={n[6:]: v for n, v in given.items() if n.startswith("param_")},
            settings={
                n: v for n, v in given.items() if n not in _OWN and not n.startswith("param_")
            },
            database=given.get("database") or self._header("X-ClickHouse-Database"),
            format=given.get("default_format")
            or self._header("X-ClickHouse-Format")
            or "TabSeparated",
            session=given.get("session_id", ""),
            is_reader=is_reader,
        )
        return self._dispatch(request, given.get("query", ""), parts), request.format

    def _dispatch(self, request: Request, query: str, parts: Iterator[bytes]) -> Answer:
        """Stream an INSERT; run anything else whole."""
        if insert := split(query.encode()):
            rest = query.encode()[insert.data_at :]
            return self._insert(request, insert, itertools.chain((rest,), parts))
        head = query.encode() + (b"\n" if query else b"")
        for part in parts:
            head += part
            if len(head) >= HEAD:
                break
        if insert := split(head):
            return self._insert(request, insert, itertools.chain((head[insert.data_at :],), parts))
        for part in parts:
            head += part
            if len(head) > TEXT_LIMIT:
                raise Refused(62, "the query is longer than 64 MiB. (SYNTAX_ERROR)")
        text = head.decode("utf-8", errors="surrogateescape").strip()
        return self.server.engine.run(request._replace(query=text))

    def _insert(self, request: Request, insert: Insert, data: Iterable[bytes]) -> Answer:
        """Hand the data on, chunk by chunk."""
        chunks = (chunk for chunk in data if chunk)
        request = request._replace(query=insert.statement)
        return self.server.engine.insert(request, insert.format, chunks)

    def _header(self, name: str) -> str:
        """Return a header, '' if it is missing."""
        return str(self.headers.get(name, ""))

    def _credentials(self, given: Mapping[str, str]) -> tuple[str, str]:
        """Return user and password, from wherever clients put them."""
        basic = self.headers.get("Authorization", "")
        if basic.startswith("Basic "):
            try:
                name, _, password = b64decode(basic[6:], validate=True).decode().partition(":")
            except (NotBase64, UnicodeDecodeError) as error:
                raise Refused(516, "Authorization cannot be read.") from error
            return name or "default", password
        user = self.headers.get("X-ClickHouse-User") or given.get("user") or "default"
        return user, self.headers.get("X-ClickHouse-Key") or given.get("password", "")

    def _answer(self, answer: Answer, format_: str) -> None:
        """Send a result, compressed if the client likes that."""
        body, coding = compress(self.headers.get("Accept-Encoding", ""), answer.body)
        summary = json.dumps({name: str(value) for name, value in answer.summary.items()})
        headers = {"X-ClickHouse-Summary": summary, "X-ClickHouse-Format": format_}
        if coding:
            headers["Content-Encoding"] = coding
        self._reply(200, body, headers)

    def _fail(self, text: str) -> None:
        """Send an exception as ClickHouse does."""
        code = code_of(text)
        headers = {"X-ClickHouse-Exception-Code": str(code)}
        self._reply(status_of(code), f"{text}\n".encode(errors="replace"), headers)

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
        """Send one answer."""
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("X-ClickHouse-Server-Display-Name", "tocsin")
        self.send_header("X-ClickHouse-Timezone", "UTC")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keep quiet: a line per request is noise, metrics count them elsewhere."""


class _Body:
    """A request's body, read as it comes, chunked or of a known length."""

    def __init__(self, handler: Handler) -> None:
        self._file = handler.rfile
        self._coding = handler.headers.get("Content-Encoding", "").strip().lower()
        chunked = "chunked" in handler.headers.get("Transfer-Encoding", "").lower()
        length = int(handler.headers.get("Content-Length") or 0)
        self._raw = self._chunked() if chunked else self._counted(length)

    def _counted(self, length: int) -> Iterator[bytes]:
        """Yield a body of a known length."""
        while length > 0:
            chunk = self._file.read(min(length, CHUNK))
            if not chunk:
                raise Undecodable("the body ended early")
            length -= len(chunk)
            yield chunk

    def _chunked(self) -> Iterator[bytes]:
        """Yield a chunked body."""
        while True:
            size = self._file.readline(64).partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError as error:
                raise Undecodable("the body's chunks cannot be read") from error
            yield from self._counted(length)
            self._file.readline(64)
            if length == 0:
                return

    def chunks(self) -> Iterator[bytes]:
        """Yield the plain bytes."""
        return plain(self._coding, self._raw)

    def drain(self) -> None:
        """Read what nobody wanted, so that the connection can serve the next request."""
        try:
            for _ in self._raw:
                pass
        except (Undecodable, ValueError, OSError):
            return


def serve(server: Server, stop: threading.Event) -> None:
    """Serve until stopped, let running requests end, close the engine."""
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="http")
    thread.start()
    stop.wait()
    server.shutdown()
    thread.join()
    server.server_close()
    server.wait_idle(STOP_S)
    server.engine.close()
