"""Runs one stage in this process: which engine, with which settings, from the topology's row."""

from collections.abc import Callable
from functools import partial
from typing import cast

from pipeline.config import Config
from pipeline.io.broker import Broker
from pipeline.io.clock import SystemClock
from pipeline.io.loop import LoopSettings, Worker
from pipeline.io.recall import Horizon
from pipeline.model.stage import Stage
from pipeline.topology import BY_NAME

HOST = "127.0.0.1"


def make_stage(name: str, config: Config) -> Callable[[], Stage]:
    """Return what makes a stage of the transactional loop anew; imports only that stage."""
    partitions = config.kafka.partitions
    window_s = config.aggregate.window_s
    match name:
        case "process":
            from pipeline.process.stage import ProcessStage  # noqa: PLC0415

            return partial(
                ProcessStage,
                settings=config.process,
                window_s=window_s,
                partitions=partitions,
            )
        case "group":
            from pipeline.group.stage import GroupStage  # noqa: PLC0415

            return partial(
                GroupStage,
                settings=config.group,
                window_s=window_s,
                partitions=partitions,
                n_raw=partitions,
            )
        case "aggregate":
            from pipeline.aggregate.stage import AggregateStage  # noqa: PLC0415

            return partial(AggregateStage, settings=config.aggregate, partitions=partitions)
        case _:
            raise KeyError(f"no stage {name!r} runs on the loop")
