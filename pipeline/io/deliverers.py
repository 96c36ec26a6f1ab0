"""One process that delivers for all channels: a thread each, watched and ended together."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack

from pipeline.io.broker import Broker
from pipeline.io.clock import Clock
from pipeline.io.deliver import ChannelWorker
from pipeline.io.log import logger
from pipeline.io.loop import Turn
from pipeline.io.run import run, serve
from pipeline.io.watchdog import Watchdog
from pipeline.notify.channel import Channel
from pipeline.notify.settings import NotifySettings

LOOK_S = 0.25
END_S = 3.5
_log = logger("deliver")


class Deliverers:
    """The channels' workers; each turns on a thread of its own."""

    def __init__(self, workers: Mapping[str, ChannelWorker]) -> None:
        self._workers = dict(workers)
        self._stop = threading.Event()
        self._failed: list[BaseException] = []
        self._threads = [
            # A request under way may outlast the end: then the thread ends with the process, and
            # the notice is sent again under the same id.
            threading.Thread(target=self._run, args=(worker,), name=f"notify-{name}", daemon=True)
            for name, worker in self._workers.items()
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, worker: ChannelWorker) -> None:
        """Turn one worker until the end; what it raises ends the process."""
        try:
            run(worker, self._stop)
            worker.close()
        except BaseException as raised:  # noqa: BLE001  raised again by turn, on the main thread
            self._failed.append(raised)

    def turn(self) -> Turn:
        """Wait a moment; raise what a channel's thread has raised."""
        self._stop.wait(LOOK_S)
        if self._failed:
            raise self._failed[0]
        return Turn("idle")

    def alive(self) -> bool:
        """Answer whether every channel turns."""
        return all(worker.alive() for worker in self._workers.values())

    def ready(self) -> bool:
        """Answer whether every channel has its partitions and its log."""
        return all(worker.ready() for worker in self._workers.values())

    def turn_age_s(self) -> float:
        """Return the age of the oldest turn."""
        return max((worker.turn_age_s() for worker in self._workers.values()), default=0.0)

    def close(self) -> None:
        """End every channel, within the time that a supervisor grants."""
        self._stop.set()
        deadline = time.monotonic() + END_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        busy = [thread.name for thread in self._threads if thread.is_alive()]
        if busy:
            _log.warning("left during a request; its notice will be sent again", threads=busy)


def make_deliverers(
    settings: NotifySettings,
    channels: Mapping[str, Channel],
    broker: Broker,
    instance: int,
    clock: Clock,
) -> Deliverers:
    """Join the group of every channel and start the threads; raises Away."""
    workers: dict[str, ChannelWorker] = {}
    with ExitStack() as undo:
        for name, channel in channels.items():
            workers[name] = ChannelWorker(
                name, channel, broker, instance, clock, settings.give_up_s, Watchdog().busy
            )
            undo.callback(workers[name].close)
        undo.pop_all()
    return Deliverers(workers)


def run_notify(
    settings: NotifySettings,
    channels: Mapping[str, Channel],
    broker: Broker,
    instance: int,
    clock: Clock,
    host: str,
    port: int,
) -> int:
    """Deliver until SIGTERM; return the exit code of the process."""

    def make(_busy: Callable[[], AbstractContextManager[None]]) -> Deliverers:
        """Return the workers; each has a watchdog of its own."""
        return make_deliverers(settings, channels, broker, instance, clock)

    return serve("notify", make, host, port)
