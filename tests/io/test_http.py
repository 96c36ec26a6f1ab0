"""Requests to real servers, and to addresses that are denied."""

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.io.http import MOST_BYTES, HttpSender
from pipeline.notify.exchange import HttpRequest, Reply
from tests.io.servers import Answer, HttpServer, a_certificate


def send(url: str, *, allow_private: bool = True, timeout_s: float = 5.0) -> Reply:
    """Send one request."""
    sender = HttpSender()
    try:
        request = HttpRequest(url, b'{"a":1}', {"content-type": "application/json"})
        return sender.send(request, allow_private=allow_private, timeout_s=timeout_s)
    finally:
        sender.close()


def test_a_request_and_its_answer() -> None:
    """Status, headers in lower case and body come back; the server sees body, headers and host."""
    with HttpServer([Answer(429, {"Retry-After": "7"}, b"slow down")]) as server:
        reply = send(server.url)
        got = server.got[0]

    assert (reply.status, reply.headers["retry-after"], reply.body) == (429, "7", b"slow down")
    assert (got.path, got.body, got.headers["content-type"]) == (
        "/hook",
        b'{"a":1}',
        "application/json",
    )
    assert got.headers["host"] == f"127.0.0.1:{server.port}"


def test_a_name_is_resolved_and_sent_as_the_host() -> None:
    """The request goes to the resolved address, with the host's name in its header."""
    with HttpServer() as server:
        reply = send(f"http://localhost:{server.port}/")

    assert reply.status == 200
    assert server.got[0].headers["host"] == f"localhost:{server.port}"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0", "0x7f.1"]
)
def test_private_addresses_are_denied(host: str) -> None:
    """4.14 Loopback is refused, however it is written, and the reply says what to set."""
    with HttpServer() as server:
        reply = send(f"http://{host}:{server.port}/", allow_private=False)

    assert reply.failure == "denied"
    assert "allow_private: true" in reply.text
    assert server.got == []


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "file:///etc/passwd", "gopher://127.0.0.1:1/"]
)
def test_other_schemes_are_denied(url: str) -> None:
    """4.14 Only http and https are sent to."""
    assert send(url).failure == "denied"


def test_redirects_are_not_followed() -> None:
    """4.14 A redirect is an answer: its target gets no request."""
    with HttpServer() as target, HttpServer([Answer(302, {"Location": target.url})]) as server:
        reply = send(server.url)

    assert reply.status == 302
    assert target.got == []


def test_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """4.14 A proxy would resolve names itself, so the environment's is not used."""
    with HttpServer() as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "")

        assert send(server.url).status == 200


def test_a_closed_port_is_a_network_failure() -> None:
    """Where nobody listens, the next attempt may succeed."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        reply = send(f"http://127.0.0.1:{taken.getsockname()[1]}/")

    assert reply.failure == "network"


def test_a_cut_connection_is_a_network_failure() -> None:
    """A connection that ends without an answer is tried again."""
    with HttpServer([Answer(drop=True)]) as server:
        assert send(server.url).failure == "network"


def test_an_unknown_name_is_a_network_failure() -> None:
    """A name that does not resolve may resolve later."""
    assert send("http://no-such-host.invalid/").failure == "network"


def test_a_hanging_server_times_out() -> None:
    """Whoever never answers costs no more than the channel's timeout."""
    with HttpServer([Answer(hang=True)]) as server:
        began = time.monotonic()
        reply = send(server.url, timeout_s=0.3)
        took = time.monotonic() - began

    assert reply.failure == "timeout"
    assert took < 2


def test_a_dripping_server_times_out() -> None:
    """Whoever sends a byte now and then is cut off, too."""
    end = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_drip, args=(listener, end))
        thread.start()
        began = time.monotonic()
        reply = send(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=0.5)
        took = time.monotonic() - began
        end.set()
        thread.join()

    assert reply.failure == "timeout"
    assert took < 2


def _drip(listener: socket.socket, end: threading.Event) -> None:
    """Answer with a body that never ends."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not end.wait(0.05):
            try:
                connection.sendall(b"x")
            except OSError:
                return


def test_a_long_answer_is_cut() -> None:
    """Only the beginning of an answer is read."""
    with HttpServer([Answer(body=b"x" * 10 * MOST_BYTES)]) as server:
        reply = send(server.url)

    assert reply.status == 200
    assert len(reply.body) == MOST_BYTES


def over_tls(server: HttpServer, certificate: Path) -> HttpServer:
    """Let a server speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    raw: Any = server._server
    raw.socket = context.wrap_socket(raw.socket, server_side=True)
    return server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a self-signed certificate for localhost, with its key."""
    return a_certificate(tmp_path_factory.mktemp("tls"))


def test_an_untrusted_certificate_breaks_the_channel(certificate: Path) -> None:
    """A certificate that nobody vouches for is a TLS failure, not a network's."""
    with over_tls(HttpServer(), certificate) as server:
        reply = send(f"https://localhost:{server.port}/")

    assert reply.failure == "tls"


def test_the_certificate_has_to_be_the_hosts(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4.14 Although the request goes to an address, the certificate is checked for the name."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with over_tls(HttpServer(), certificate) as server:
        by_name = send(f"https://localhost:{server.port}/")
        by_address = send(f"https://127.0.0.1:{server.port}/")

    assert (by_name.status, by_address.failure) == (200, "tls")
