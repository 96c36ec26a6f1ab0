"""The only place that sends HTTP requests to somebody else's address.

A host is resolved once and the request goes to that address, so that a name cannot point to
another one between check and use. Redirects are not followed and no proxy is used.
"""

import socket
import ssl
import time
from collections.abc import Iterator

import httpx

from pipeline.io.resolve import Denied, addresses_of
from pipeline.notify.exchange import Failure, HttpRequest, Reply

MOST_BYTES = 65_536


class HttpSender:
    """Sends requests, each on a connection of its own."""

    def __init__(self) -> None:
        trusted = httpx.create_ssl_context()
        trusted.load_default_certs()
        # A kept connection would be found by its address, whatever the host's name.
        self._client = httpx.Client(
            verify=trusted,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def send(self, request: HttpRequest, *, allow_private: bool, timeout_s: float) -> Reply:
        """Return the answer, or why there is none; never raises for what the other side does."""
        deadline = time.monotonic() + timeout_s
        try:
            url = httpx.URL(request.url)
            port = _port(url)
            addresses = addresses_of(url.host, port, allow_private=allow_private)
            return self._first(request, url, addresses, deadline)
        except Denied as denied:
            return Reply(failure="denied", text=str(denied))
        except httpx.InvalidURL as error:
            return Reply(failure="denied", text=f"no URL: {error}")
        except (httpx.HTTPError, OSError) as error:
            return Reply(failure=_failure(error), text=f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Close what is open."""
        self._client.close()

    def _first(
        self, request: HttpRequest, url: httpx.URL, addresses: list[str], deadline: float
    ) -> Reply:
        """Send to the first address that takes a connection."""
        for address in addresses[:-1]:
            try:
                return self._send(request, url, address, deadline)
            except httpx.ConnectError as error:
                if _failure(error) != "network":
                    raise
        return self._send(request, url, addresses[-1], deadline)

    def _send(self, request: HttpRequest, url: httpx.URL, address: str, deadline: float) -> Reply:
        """Send to one address; the certificate has to be the host's."""
        headers = {**request.headers, "host": url.netloc.decode(), "user-agent": "tocsin"}
        remaining = max(0.05, deadline - time.monotonic())
        with self._client.stream(
            "POST",
            url.copy_with(host=address),
            content=request.body,
            headers=headers,
            timeout=remaining,
            extensions={"sni_hostname": url.host},
        ) as response:
            body = b"".join(_limited(response, deadline))
            names = {name.lower(): value for name, value in response.headers.items()}
            return Reply(status=response.status_code, headers=names, body=body)


def _port(url: httpx.URL) -> int:
    """Return the port of a URL, or the one that its scheme implies; other schemes are refused."""
    ports = {"http": 80, "https": 443}
    if url.scheme not in ports:
        raise Denied(f"scheme {url.scheme!r} is refused: use http or https")
    return url.port if url.port is not None else ports[url.scheme]


def _limited(response: httpx.Response, deadline: float) -> Iterator[bytes]:
    """Yield the body up to a size and a time: who drips must not hold the channel."""
    size = 0
    for chunk in response.iter_raw():
        yield chunk[: MOST_BYTES - size]
        size += len(chunk)
        if size >= MOST_BYTES:
            return
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long")


def _failure(error: BaseException) -> Failure:
    """Return what kind of failure an exception is, looking at what caused it."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "timeout"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls"
        if isinstance(cause, socket.gaierror):
            return "network"
        cause = cause.__cause__ or cause.__context__
    return "network"
