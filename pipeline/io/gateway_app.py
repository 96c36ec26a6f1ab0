"""The gateway as a raw ASGI application: bodies are read under a limit, answers wait for Kafka.

200 is sent only once every message of a request is acknowledged, 429 where Kafka does not answer
in time, never 5xx for what Kafka or a client does.
"""

import asyncio
import math
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from pipeline.gateway.exchange import Answer, HttpRequest, Reply
from pipeline.gateway.settings import GatewaySettings
from pipeline.gateway.stage import GatewayStage
from pipeline.io import metrics
from pipeline.io.broker import BrokerError, PlainProducer
from pipeline.io.clock import Clock
from pipeline.model.dead_letter import REASON
from pipeline.model.dead_letter import TOPIC as DEAD_LETTERS
from pipeline.model.stage import Note, Sent

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

NAME = "gateway"

_INLINE_BYTES = 2**16  # a bigger body is worked on in a thread, so that others are not held up
_THREADS = 2
_PORTION_BYTES = 2**23


class Gateway:
    """The ASGI application around the pure stage."""

    def __init__(
        self,
        *,
        settings: GatewaySettings,
        producer: PlainProducer,
        clock: Clock,
        count: Callable[[Note], None],
    ) -> None:
        self._settings = settings
        self._stage = GatewayStage(settings=settings)
        self._producer = producer
        self._clock = clock
        self._count = count
        self._waiting = 0
        self._failed_at = -math.inf
        self._threads = asyncio.Semaphore(_THREADS)

    def is_away(self) -> bool:
        """Tell whether Kafka left a request without an acknowledgement a moment ago."""
        return time.monotonic() - self._failed_at < self._settings.retry_after_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        try:
            body = await _read(receive, self._stage.body_limit, _declared_length(scope))
        except _TooLongError:
            answer = self._stage.too_large(scope["path"])
        else:
            if body is None:
                return
            answer = await self._answer(scope, body)
        for note in answer.notes:
            self._count(note)
        await _reply(send, answer.reply)
        metrics.ANSWER_SECONDS.labels("gateway").observe(time.perf_counter() - began)

    async def _answer(self, scope: Scope, body: bytes) -> Answer:
        """Return the answer, after Kafka's."""
        request = _request(scope, body)
        now = self._clock.now()
        if len(body) > _INLINE_BYTES:
            async with self._threads:
                answer = await asyncio.to_thread(self._stage.handle, request, now)
        else:
            answer = self._stage.handle(request, now)
        if await self._is_safe(answer.messages):
            _count_written(answer.messages)
            return answer
        self._failed_at = time.monotonic()
        return self._stage.unavailable(request.path, answer.notes)

    async def _is_safe(self, messages: list[Sent]) -> bool:
        """Send the messages; tell whether Kafka acknowledged every one in time."""
        if not messages:
            return True
        if self._waiting >= self._settings.max_waiting:
            return False
        self._waiting += 1
        try:
            for portion in _portions(messages):
                acks = _Acks(len(portion))
                for message in portion:
                    self._producer.send(message, acks.done)
                if not await asyncio.wait_for(acks.all_good, self._settings.ack_s):
                    return False
        except (BrokerError, TimeoutError):
            return False
        finally:
            self._waiting -= 1
        return True


def _count_written(messages: list[Sent]) -> None:
    """Count what is on the topics now."""
    for message in messages:
        metrics.WRITTEN.labels(NAME, message.topic).inc()
        if message.topic == DEAD_LETTERS:
            reason = next(value for name, value in message.headers if name == REASON)
            metrics.DEAD_LETTERS.labels(NAME, reason.decode()).inc()


def _portions(messages: list[Sent]) -> Iterator[list[Sent]]:
    """Yield the messages in portions that the client library's queue takes with ease."""
    portion: list[Sent] = []
    size = 0
    for message in messages:
        portion.append(message)
        size += len(message.value or b"")
        if size > _PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


class _Acks:
    """Counts Kafka's answers to one request's messages, on whatever thread they come."""

    def __init__(self, wanted: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._wanted = wanted
        self.all_good: asyncio.Future[bool] = self._loop.create_future()

    def done(self, error: str | None) -> None:
        """Take one answer; the first error decides."""
        with self._lock:
            self._wanted -= 1
            wanted = self._wanted
        if error is None and wanted > 0:
            return
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, error is None)

    def _settle(self, good: bool) -> None:  # noqa: FBT001  a callback's only argument
        """Wake the request, unless it has given up."""
        if not self.all_good.done():
            self.all_good.set_result(good)


def _declared_length(scope: Scope) -> int:
    """Return the Content-Length, or 0 for a chunked body."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


class _TooLongError(Exception):
    """The body exceeds the limit; what was read of it is forgotten."""


async def _read(receive: Receive, limit: int, declared: int) -> bytes | None:
    """Return the body, or None if it broke off; raises as soon as it is known to be too long."""
    parts: list[bytes] = []
    size = declared
    while True:
        if size > limit:
            raise _TooLongError
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        parts.append(event.get("body", b""))
        if not event.get("more_body", False):
            return b"".join(parts)
        # A declared length is kept by the server; a chunked body has none.
        size += 0 if declared else len(parts[-1])


def _request(scope: Scope, body: bytes) -> HttpRequest:
    """Return the request as the stage takes it."""
    client = scope.get("client")
    return HttpRequest(
        method=scope["method"],
        path=scope["path"],
        query=tuple(parse_qsl(scope["query_string"].decode("latin-1"))),
        headers=tuple(_decoded(scope["headers"])),
        body=body,
        client=client[0] if client else "",
        seed=secrets.token_bytes(16),
    )


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    """Return headers as text; ASGI has their names in lower case."""
    return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


async def _reply(send: Send, reply: Reply) -> None:
    """Send a reply."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(reply.body)).encode()),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
