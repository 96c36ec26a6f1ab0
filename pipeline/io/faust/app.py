"""The detect stage as a process: settings, signals, health port."""

import asyncio
import logging
import signal
from collections.abc import Mapping
from typing import Final, Protocol

from pipeline.detect.settings import DetectSettings
from pipeline.detect.stage import WINDOWS, DetectStage
from pipeline.detect.table import APP, TABLE, decode_key
from pipeline.io import metrics
from pipeline.io.faust.options import missing_codecs
from pipeline.io.faust.worker import TableWorker, Work
from pipeline.io.health import Health
from pipeline.io.log import bind, logger
from pipeline.io.seal import Seal

NAME: Final = "detect"
_CHATTY = ("faust", "mode", "pipeline.io.faust", "aiokafka")
_log = logger("detect")


class Kafka(Protocol):
    """Where the brokers are."""

    @property
    def bootstrap_servers(self) -> str:
        """Addresses, separated by commas."""

    @property
    def client(self) -> Mapping[str, str]:
        """Security settings as librdkafka names them."""


class Settings(Protocol):
    """What the worker needs to know."""

    @property
    def kafka(self) -> Kafka:
        """Where the brokers are."""

    @property
    def detect(self) -> DetectSettings:
        """Settings of the stage."""

    @property
    def seal(self) -> Seal:
        """What closes dead letters."""


def work_of(settings: DetectSettings) -> Work:
    """Return what a worker of detect runs."""
    return Work(
        name=NAME,
        app=APP,
        topic=WINDOWS,
        table=TABLE,
        make_stage=lambda: DetectStage(settings=settings),
        home=lambda key: decode_key(key).partition,
    )


def run_detect(config: Settings, instance: int, metrics_port: int, host: str = "127.0.0.1") -> int:
    """Run a worker until SIGTERM or SIGINT; return the exit code of the process."""
    bind(stage=NAME)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    missing = missing_codecs()
    if missing:
        _log.error("aiokafka cannot read these: install cramjam", codecs=missing)
        return 1
    return asyncio.run(_serve(config, instance, metrics_port, host))


async def _serve(config: Settings, instance: int, port: int, host: str) -> int:
    """Run a worker with its health port and signals."""
    worker = TableWorker(
        work_of(config.detect),
        servers=config.kafka.bootstrap_servers,
        instance=instance,
        client=config.kafka.client,
        seal=config.seal,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    health = Health(host, port, alive=worker.alive, ready=worker.ready)
    metrics.watch_turns(NAME, worker.turn_age_s)
    _log.info("worker starts", port=health.port)
    try:
        await worker.run(stop)
    finally:
        health.close()
    _log.info("worker has drained")
    return 0
