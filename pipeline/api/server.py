"""Runs the API: uvicorn, a thread that follows Kafka into the hub, and a clean end."""

import asyncio
import signal
import socket
import threading
from types import FrameType
from typing import Protocol

import orjson
import uvicorn

from pipeline.api.app import create_app
from pipeline.api.hub import Hub
from pipeline.api.settings import ApiSettings
from pipeline.io.broker import Away
from pipeline.io.health import Health
from pipeline.io.kafka import KafkaBroker
from pipeline.io.log import bind, logger
from pipeline.io.settings import KafkaSettings
from pipeline.model.stage import Record
from pipeline.store.clickhouse import connect
from pipeline.store.settings import ClickHouseSettings

TOPICS = {"events.grouped": "occurrence", "alerts": "alert"}
POLL_S = 0.5
STOP_S = 5
_log = logger("api")


class Source(Protocol):
    """Where live records come from."""

    def poll(self, timeout_s: float) -> list[Record]:
        """Return what has arrived."""

    def close(self) -> None:
        """End."""


class Settings(Protocol):
    """What the API needs of the configuration."""

    @property
    def api(self) -> ApiSettings:
        """Where it listens."""

    @property
    def kafka(self) -> KafkaSettings:
        """Where the brokers are."""

    @property
    def clickhouse(self) -> ClickHouseSettings:
        """Where ClickHouse is."""


class Server(uvicorn.Server):
    """Closes the hub before uvicorn waits for open connections, which would never end."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams, then stop; a second signal waits for nothing.

        uvicorn would raise the signal again at its end, and the process would die of it before
        the follower and the health port are closed.
        """
        del sig, frame
        self._hub.close()
        self.force_exit = self.should_exit
        self.should_exit = True


def live(record: Record) -> tuple[str, str, bytes] | None:
    """Return event name, id and one line of JSON; None for what no viewer can be shown."""
    if record.value is None:
        return None
    event_id = f"{record.topic}:{record.partition}:{record.offset}"
    try:
        data = _one_line(record.value)
    except orjson.JSONDecodeError as error:
        # The sink dead-letters it; here it must not end the stream for everyone.
        _log.warning("not shown: no JSON", event_id=event_id, reason=str(error))
        return None
    return TOPICS[record.topic], event_id, data


def _one_line(value: bytes) -> bytes:
    """Return JSON without line breaks: a foreign writer's would break the framing."""
    if b"\n" in value or b"\r" in value:
        return orjson.dumps(orjson.loads(value))
    return value


class Follower:
    """A thread that hands what it reads to the hub on the event loop's thread."""

    def __init__(self, source: Source, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self._source = source
        self._hub = hub
        self._loop = loop
        self._stop = threading.Event()
        self.ready = False
        self._thread = threading.Thread(target=self._run, name="follower")
        self._thread.start()

    def _run(self) -> None:
        """Follow until stopped; a broker that is away is asked again."""
        while not self._stop.is_set():
            try:
                records = self._source.poll(POLL_S)
            except Away as raised:
                _log.warning("waiting for the broker", reason=str(raised))
                continue
            self.ready = True
            for found in filter(None, map(live, records)):
                self._loop.call_soon_threadsafe(self._hub.publish, *found)
        self._source.close()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()


async def _serve(config: Settings, listener: socket.socket, metrics_port: int) -> None:
    """Serve until a signal comes."""
    hub = Hub()
    app = create_app(connect(config.clickhouse), hub)
    settings = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=STOP_S,
        proxy_headers=False,
    )
    server = Server(settings, hub)
    kafka = config.kafka
    follower = Follower(
        KafkaBroker(kafka.bootstrap_servers, kafka.client).tail(TOPICS),
        hub,
        asyncio.get_running_loop(),
    )
    health = Health(
        config.api.host,
        metrics_port,
        alive=lambda: True,
        ready=lambda: follower.ready and server.started,
    )
    try:
        await server.serve(sockets=[listener])
    finally:
        follower.close()
        health.close()


def serve(config: Settings, metrics_port: int) -> int:
    """Run the API in this process; return its exit code."""
    bind(stage="api")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.api.host, config.api.port))
    except OSError as error:
        _log.error("cannot listen", port=config.api.port, reason=error.strerror)
        return 2
    _log.info("api starts", port=listener.getsockname()[1])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(_serve(config, listener, metrics_port))
    return 0
