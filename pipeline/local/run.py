"""Runs one stage in this process: which engine, with which settings.

Imports stand inside the functions: a process holds only what its stage needs.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pipeline.topology import BY_NAME

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.detect.settings import DetectSettings
    from pipeline.io.broker import Broker
    from pipeline.io.seal import Seal
    from pipeline.io.settings import KafkaSettings
    from pipeline.model.stage import Stage

HOST = "127.0.0.1"
Busy = Callable[[], AbstractContextManager[None]]


class _Detect(NamedTuple):
    """What the detect worker needs to know."""

    kafka: "KafkaSettings"
    detect: "DetectSettings"
    seal: "Seal"


def run_stage(name: str, config: "Config", instance: int, metrics_port: int) -> int:
    """Run a stage until SIGTERM; return the exit code of the process.

    Raises Refused for rules or channels that cannot be read.
    """
    from pipeline.io.log import configure  # noqa: PLC0415

    configure(config.log.level)
    engine = BY_NAME[name].engine
    if engine == "faust":
        return _detect(config, instance, metrics_port)
    if name == "api":
        from pipeline.api.server import serve  # noqa: PLC0415

        return serve(config, metrics_port)
    broker = _broker(config)
    if name == "gateway":
        from pipeline.io.gateway import serve as serve_gateway  # noqa: PLC0415

        return serve_gateway(config.gateway, broker, HOST, metrics_port)
    if engine == "deliver":
        return _notify(config, broker, instance, metrics_port)
    if engine == "sink":
        return _sink(config, broker, instance, metrics_port)
    return _loop(name, config, broker, instance, metrics_port)


def _broker(config: "Config") -> "Broker":
    """Return the way to Kafka."""
    from pipeline.io.kafka import KafkaBroker  # noqa: PLC0415

    kafka = config.kafka
    return KafkaBroker(kafka.bootstrap_servers, kafka.client, seal=_seal(config))


def _seal(config: "Config") -> "Seal":
    """Return what closes dead letters."""
    from pipeline.io.seal import SealError, seal_of  # noqa: PLC0415
    from pipeline.local.refused import Refused  # noqa: PLC0415

    try:
        return seal_of(config.kafka)
    except SealError as error:
        raise Refused(str(error)) from error


def _loop(name: str, config: "Config", broker: "Broker", instance: int, port: int) -> int:
    """Run a stage of the transactional loop."""
    from pipeline.io.clock import SystemClock  # noqa: PLC0415
    from pipeline.io.loop import LoopSettings, Worker  # noqa: PLC0415
    from pipeline.io.recall import Horizon  # noqa: PLC0415
    from pipeline.io.run import serve  # noqa: PLC0415

    process = config.process
    settings = LoopSettings(
        horizon=Horizon(seconds=process.dedupe_s, records=process.dedupe_ids),
    )
    make_stage = stage_maker(name, config)

    def make(busy: Busy) -> Worker:
        """Return the worker."""
        return Worker(BY_NAME[name], instance, make_stage, broker, SystemClock(), settings, busy)

    return serve(name, make, HOST, port)


def stage_maker(name: str, config: "Config") -> "Callable[[], Stage]":
    """Return what makes a stage of the loop, again after each abort."""
    n, window_s = config.kafka.partitions, config.aggregate.window_s
    if name == "process":
        from pipeline.process.stage import ProcessStage  # noqa: PLC0415

        return partial(ProcessStage, settings=config.process, window_s=window_s, partitions=n)
    if name == "group":
        from pipeline.group.stage import GroupStage  # noqa: PLC0415

        return partial(GroupStage, settings=config.group, window_s=window_s, partitions=n, n_raw=n)
    if name == "aggregate":
        from pipeline.aggregate.stage import AggregateStage  # noqa: PLC0415

        return partial(AggregateStage, settings=config.aggregate, partitions=n)
    if name == "alert":
        return _alert_maker(config)
    raise KeyError(f"no stage {name!r} runs on the loop")


def _alert_maker(config: "Config") -> "Callable[[], Stage]":
    """Return what makes the alert stage with the rules of its file."""
    from pipeline.alert.stage import AlertStage  # noqa: PLC0415
    from pipeline.io.rulefile import FileError, load_channels, load_rules  # noqa: PLC0415
    from pipeline.local.refused import Refused  # noqa: PLC0415

    try:
        channels = load_channels(config.notify)
        rules = load_rules(config.alert, channels)
    except FileError as error:
        raise Refused(str(error)) from error
    return partial(
        AlertStage,
        rules=rules,
        channels=tuple(channels),
        partitions=config.kafka.partitions,
        public_url=config.alert.public_url,
    )


def _detect(config: "Config", instance: int, port: int) -> int:
    """Run detect on Faust; its windows are aggregate's."""
    from pipeline.detect.settings import DetectSettings  # noqa: PLC0415
    from pipeline.io.faust.app import run_detect  # noqa: PLC0415

    window_s = config.aggregate.window_s
    detect = DetectSettings(**config.detect.model_dump(), window_s=window_s)
    return run_detect(_Detect(config.kafka, detect, _seal(config)), instance, port, HOST)


def _notify(config: "Config", broker: "Broker", instance: int, port: int) -> int:
    """Run the channels."""
    from pipeline.io.clock import SystemClock  # noqa: PLC0415
    from pipeline.io.deliverers import run_notify  # noqa: PLC0415
    from pipeline.io.rulefile import FileError, load_channels  # noqa: PLC0415
    from pipeline.local.refused import Refused  # noqa: PLC0415

    try:
        channels = load_channels(config.notify)
    except FileError as error:
        raise Refused(str(error)) from error
    return run_notify(config.notify, channels, broker, instance, SystemClock(), HOST, port)


def _sink(config: "Config", broker: "Broker", instance: int, port: int) -> int:
    """Run the sink."""
    from pipeline.io.clock import SystemClock  # noqa: PLC0415
    from pipeline.io.run import serve  # noqa: PLC0415
    from pipeline.store.clickhouse import connect  # noqa: PLC0415
    from pipeline.store.sink import SinkWorker  # noqa: PLC0415

    def make(busy: Busy) -> SinkWorker:
        """Return the worker."""
        client = connect(config.clickhouse)
        reads = BY_NAME["sink"].reads
        return SinkWorker(reads, instance, client, broker, SystemClock(), config.sink, busy)

    return serve("sink", make, HOST, port)
