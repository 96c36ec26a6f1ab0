"""The gateway over real HTTP on a free port, with a broker in memory behind it."""

import http.client
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.gateway.settings import GatewaySettings
from pipeline.io.broker import PlainProducer
from pipeline.io.clock import ManualClock
from pipeline.io.gateway import listen, server_of
from pipeline.io.gateway_app import Gateway
from pipeline.io.memory import MemoryBroker
from pipeline.model.stage import Note, Record, Source
from tests.build import AT
from tests.gateway.build import KEY

TOPICS = ("events.raw", "client-reports", "dead-letters")
TIMEOUT_S = 20


class Serving:
    """A running gateway: its port, what it counted, what it produced."""

    def __init__(self, port: int, broker: MemoryBroker, notes: list[Note]) -> None:
        self.port = port
        self.broker = broker
        self.notes = notes

    def records(self, topic: str = "events.raw") -> list[Record]:
        """Return what is on a topic."""
        return list(self.broker.read([Source(topic, 0)], {}))

    def post(
        self,
        path: str,
        body: bytes | Iterable[bytes],
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send a request; chunked if the body is no bytes; return status, body and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            given = {"Authorization": f"Bearer {KEY}"} if headers is None else headers
            connection.request(method, path, body, given, encode_chunked=False)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read(), found
        finally:
            connection.close()


@contextmanager
def a_gateway(producer: PlainProducer | None = None, **settings: Any) -> Iterator[Serving]:
    """Serve on a free port until the block ends; a producer may stand in for the broker's."""
    broker = MemoryBroker(ManualClock(AT))
    for topic in TOPICS:
        broker.create(topic)
    notes: list[Note] = []
    listener = listen("127.0.0.1", 0)
    app = Gateway(
        settings=GatewaySettings(keys={KEY: "shop"}, **settings),
        producer=producer or broker.plain_producer(),
        clock=ManualClock(AT),
        count=notes.append,
    )
    server = server_of(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        # The socket listens already: a request that comes before the server waits in its queue.
        yield Serving(listener.getsockname()[1], broker, notes)
    finally:
        server.should_exit = True
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
