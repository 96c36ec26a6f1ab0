"""Runs the gateway as a process: HTTP server, health port, signals."""

import functools
import socket
import threading

import uvicorn

from pipeline.gateway.raw_event import TOPIC
from pipeline.gateway.settings import GatewaySettings
from pipeline.io import metrics
from pipeline.io.broker import Away, Broker
from pipeline.io.clock import SystemClock
from pipeline.io.gateway_app import NAME, Gateway
from pipeline.io.health import Health
from pipeline.io.log import bind, logger
from pipeline.io.run import stop_on_signals

_log = logger(NAME)

# Node's agent reuses a connection for long; one that closes under it loses an event.
_KEEP_ALIVE_S = 75
_DRAIN_S = 2
_LAST_FLUSH_S = 0.5
_MEET_S = 1.0


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises OSError that says which port and what to set."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        text = f"the gateway cannot listen at {host}:{port} ({error.strerror}): set gateway.port"
        raise OSError(error.errno, text) from None


def server_of(app: Gateway) -> uvicorn.Server:
    """Return the HTTP server for the application."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )


def serve(settings: GatewaySettings, broker: Broker, host: str, metrics_port: int) -> int:
    """Run the gateway until a signal comes; return the exit code of the process.

    It listens at once, whether or not Kafka answers; ``host`` and ``metrics_port`` are where
    /metrics, /healthz and /readyz are. Raises OSError where a port is taken.
    """
    bind(stage=NAME)
    stop = threading.Event()
    # uvicorn raises the signal again after it has drained: by then somebody has to take it.
    stop_on_signals(stop)
    listener = listen(settings.host, settings.port)
    producer = broker.plain_producer()
    app = Gateway(
        settings=settings,
        producer=producer,
        clock=SystemClock(),
        count=functools.partial(metrics.count, NAME),
    )
    server = server_of(app)
    met = threading.Event()
    meet = threading.Thread(target=_meet, args=(broker, met, stop), name="meet", daemon=True)
    meet.start()
    health = Health(
        host,
        metrics_port,
        alive=lambda: server.started,
        ready=lambda: server.started and met.is_set() and not app.is_away(),
    )
    at, port = listener.getsockname()[:2]
    _log.info("gateway listens", host=at, port=port, metrics_port=health.port)
    try:
        server.run(sockets=[listener])
    finally:
        stop.set()
        health.close()
        left = producer.flush(_LAST_FLUSH_S)
        producer.close()
    _log.info("gateway has drained", unacknowledged=left)
    return 0


def _meet(broker: Broker, met: threading.Event, stop: threading.Event) -> None:
    """Wait until Kafka has answered once and has the topic: only then is the gateway ready."""
    while not stop.is_set():
        try:
            broker.partitions(TOPIC)
        except (Away, KeyError) as reason:
            _log.warning("waiting for the broker", reason=str(reason))
            stop.wait(_MEET_S)
        else:
            met.set()
            return
