"""Keeps processes running: starts them, watches them, starts them again, ends them in order."""

import signal
import time
from collections.abc import Callable, Iterable, Sequence

from pipeline.local.child import Child, Spec
from pipeline.local.refused import Refused

TICK_S = 0.1
READY_EVERY_S = 0.5
DRAIN_S = 6.0
LAST_S = 2.5

Tell = Callable[[str], None]


class Supervisor:
    """The processes of one machine; ``step`` it a few times a second.

    They are started from the thread that calls ``start``, which has to live as long as they: Linux
    ends them when that thread ends.
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
            child.start()
            self.children.append(child)
        return started

    def step(self) -> bool:
        """Look at every process once; return whether a state has changed."""
        before = [(child.pid, child.life.state) for child in self.children]
        now = self._now()
        for child in self.children:
            if child.has_died():
                self._mourn(child, now)
            if child.life.is_due(now):
                child.start()
        if now >= self._ask_at:
            self._ask_at = now + READY_EVERY_S
            self._ask()
        return before != [(child.pid, child.life.state) for child in self.children]

    def _mourn(self, child: Child, now: float) -> None:
        """Take note of a death and say so."""
        child.life.died(now)
        name, log = child.spec.name, child.spec.log
        if child.life.state == "failed":
            self._tell(f"{name} died five times within a minute and is left alone: see {log}")
        else:
            self._tell(f"{name} died and is started again: see {log}")

    def _ask(self) -> None:
        """Ask the starting ones whether they are ready, and measure them all."""
        for child in self.children:
            if child.life.state == "starting" and child.spec.is_ready():
                child.life.ready()
        together = sum(child.memory_bytes() for child in self.children)
        self.peak_bytes = max(self.peak_bytes, together)

    def wait_ready(self, children: Sequence[Child], within_s: float) -> None:
        """Step until these are ready; raises Refused if one fails or the time is over."""
        end = self._now() + within_s
        while waiting := [child for child in children if child.life.state != "running"]:
            self.step()
            failed = [child for child in waiting if child.life.state == "failed"]
            if failed or self._now() > end:
                late = (failed or waiting)[0]
                raise Refused(f"{late.spec.name} does not start: see {late.spec.log}")
            time.sleep(TICK_S)

    def stop(self) -> None:
        """End all: the stages drain side by side, then what was started first ends last."""
        infrastructure = [c for c in self.children if c.spec.stage in {"kafka", "store"}]
        stages = [child for child in self.children if child not in infrastructure]
        self._end(stages, DRAIN_S)
        self._end(infrastructure, LAST_S)

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
                child.signal(signal.SIGKILL)
            child.life.state = "stopped"
