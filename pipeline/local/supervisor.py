"""Keeps processes running: starts them, watches them, starts them again, ends them in order."""

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import psutil

from pipeline.local.child import Child, Spec, last_line
from pipeline.local.refused import Refused

TICK_S = 0.1
READY_EVERY_S = 0.5
DRAIN_S = 6.0
ALL_S = 9.0
INFRASTRUCTURE = frozenset({"kafka", "store"})

Tell = Callable[[str], None]


class Supervisor:
    """The processes of one machine; ``step`` it a few times a second.

    They are started from the thread that calls, which has to live as long as they: Linux ends them
    when that thread ends.
    """

    def __init__(self, tell: Tell, now: Callable[[], float] = time.monotonic) -> None:
        self.children: list[Child] = []
        self.peak_bytes = 0
        self._tell = tell
        self._now = now
        self._ask_at = 0.0

    def start(self, specs: Iterable[Spec]) -> list[Child]:
        """Start processes and watch them from now on."""
        started = [Child(spec) for spec in specs]
        for child in started:
            self.children.append(child)  # first, for a signal may end this function anywhere
            self._start(child)
        return started

    def _start(self, child: Child) -> None:
        """Start one; what cannot even start has died."""
        try:
            child.start()
        except OSError as error:
            self._tell(f"{child.spec.name} cannot be started: {error}")
            self._mourn(child, self._now())

    def step(self) -> bool:
        """Look at every process once; return whether a state has changed."""
        before = [(child.pid, child.life.state) for child in self.children]
        now = self._now()
        for child in self.children:
            if child.has_died():
                self._mourn(child, now)
            if child.life.is_due(now):
                self._start(child)
        if now >= self._ask_at:
            self._ask_at = now + READY_EVERY_S
            self._ask()
        return before != [(child.pid, child.life.state) for child in self.children]

    def _mourn(self, child: Child, now: float) -> None:
        """Take note of a death and say so."""
        child.life.died(now)
        where = _evidence(child)
        if child.life.state == "failed":
            self._tell(f"{child.spec.name} died five times within a minute, is left alone: {where}")
        else:
            self._tell(f"{child.spec.name} died and is started again: {where}")

    def _ask(self) -> None:
        """Ask the starting ones whether they are ready, and measure them all."""
        for child in self.children:
            if child.life.state == "starting" and child.spec.is_ready():
                child.life.ready()
        self.peak_bytes = max(self.peak_bytes, _together())

    def wait_ready(self, children: Sequence[Child], within_s: float) -> None:
        """Step until these are ready; raises Refused if one fails or the time is over."""
        end = self._now() + within_s
        while waiting := [child for child in children if child.life.state != "running"]:
            self.step()
            failed = [child for child in waiting if child.life.state == "failed"]
            if failed or self._now() > end:
                late = (failed or waiting)[0]
                raise Refused(f"{late.spec.name} does not start: {_evidence(late)}")
            time.sleep(TICK_S)

    def stop(self) -> None:
        """End all within ten seconds: the stages drain side by side, then the broker and store."""
        end = self._now() + ALL_S
        last = [child for child in self.children if child.spec.stage in INFRASTRUCTURE]
        self._end([child for child in self.children if child not in last], DRAIN_S)
        self._end(last, end - self._now())

    def _end(self, children: Sequence[Child], within_s: float) -> None:
        """Ask these to end, then make them."""
        for child in children:
            child.signal(signal.SIGTERM)
        end = self._now() + within_s
        while self._now() < end and not all(child.is_gone() for child in children):
            time.sleep(TICK_S / 2)
        for child in children:
            if not child.is_gone():
                self._tell(f"{child.spec.name} did not end in time and was killed")
                child.kill()
            child.life.state = "stopped"


def _evidence(child: Child) -> str:
    """Return where its log is, and the log's last line."""
    said = last_line(child.spec.log)
    return f"see {child.spec.log}" + (f" ({said})" if said else "")


def _together() -> int:
    """Return the resident memory of this process and all below it."""
    own = psutil.Process()
    total = 0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):  # it may just have ended
            total += int(process.memory_info().rss)
    return total
