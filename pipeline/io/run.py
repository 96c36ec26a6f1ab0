"""Runs a worker as a process: health port, watchdog, signals, back-off, exit code.

Exit codes: 0 drained after SIGTERM or SIGINT, 1 a bug or a broker that refuses, 3 fenced by a
successor, 70 the watchdog.
"""

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType
from typing import Protocol

from pipeline.io import metrics
from pipeline.io.broker import Away, BrokerError, Fenced
from pipeline.io.health import Health
from pipeline.io.log import bind, logger
from pipeline.io.loop import Turn
from pipeline.io.watchdog import Watchdog

FENCED = 3
FIRST_PAUSE_S, LAST_PAUSE_S = 0.1, 5.0
_log = logger("run")


class Turning(Protocol):
    """Something that works in turns; ``Worker`` is one."""

    def turn(self) -> Turn:
        """Do one piece of work."""

    def alive(self) -> bool:
        """Answer whether it has turned lately."""

    def ready(self) -> bool:
        """Answer whether it can do its work."""

    def turn_age_s(self) -> float:
        """Return the seconds since the last turn."""

    def close(self) -> None:
        """End between two turns."""


Make = Callable[[Callable[[], AbstractContextManager[None]]], Turning]


def run(worker: Turning, stop: threading.Event) -> None:
    """Turn until stopped; wait a little longer after each turn that could do nothing."""
    pause_s = FIRST_PAUSE_S
    while not stop.is_set():
        if worker.turn().outcome in {"busy", "away", "aborted"}:
            stop.wait(pause_s)
            pause_s = min(pause_s * 2, LAST_PAUSE_S)
        else:
            pause_s = FIRST_PAUSE_S


def serve(name: str, make: Make, host: str, port: int) -> int:
    """Run a worker until a signal comes; return the exit code of the process.

    ``make`` gets the watchdog's context manager, to be put around calls that must come back.
    """
    bind(stage=name)
    stop = threading.Event()
    stop_on_signals(stop)
    watchdog = Watchdog()
    parts: list[Turning] = []
    health = Health(
        host,
        port,
        alive=lambda: all(worker.alive() for worker in parts),
        ready=lambda: bool(parts) and parts[0].ready(),
    )
    _log.info("worker starts", port=health.port)
    try:
        return _work(name, make, watchdog, parts, stop)
    finally:
        health.close()
        watchdog.close()


def stop_on_signals(stop: threading.Event) -> None:
    """Set the event on SIGTERM and SIGINT; the turn that runs is finished."""

    def asked(_number: int, _frame: FrameType | None) -> None:
        """Take note of a signal."""
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)


def _work(
    name: str, make: Make, watchdog: Watchdog, parts: list[Turning], stop: threading.Event
) -> int:
    """Make the worker, run it, close it."""
    try:
        worker = _made(make, watchdog, stop)
        if worker is None:
            return 0
        parts.append(worker)
        metrics.watch_turns(name, worker.turn_age_s)
        run(worker, stop)
        with watchdog.busy():
            worker.close()
    except Fenced as raised:
        _log.error("a successor has taken over", reason=str(raised))
        return FENCED
    except BrokerError as raised:
        _log.error("the broker refuses", reason=str(raised))
        return 1
    except Exception:  # noqa: BLE001  a bug ends the process, its traceback logged as JSON
        _log.exception("worker failed")
        return 1
    _log.info("worker has drained")
    return 0


def _made(make: Make, watchdog: Watchdog, stop: threading.Event) -> Turning | None:
    """Make the worker, waiting for a broker that is away; None if stopped meanwhile."""
    while not stop.is_set():
        try:
            return make(watchdog.busy)
        except Away as raised:
            _log.warning("waiting for the broker", reason=str(raised))
            stop.wait(LAST_PAUSE_S)
    return None
