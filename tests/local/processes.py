"""Small real processes for the supervisor's tests."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.local.child import Spec
from pipeline.local.supervisor import Supervisor

# Says that it runs, then lives until it is asked to end.
ORDERLY = "import signal\nprint('up', flush=True)\nsignal.pause()"
# The same, but does not care for being asked.
STUBBORN = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{ORDERLY}"
# Finishes its work first.
DRAINING = """
import signal, sys
def end(*_):
    print('drained', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('up', flush=True)
signal.pause()
"""
MORTAL = "print('no luck', flush=True); raise SystemExit(3)"


def a_spec(folder: Path, code: str, stage: str = "process", **changes: Any) -> Spec:
    """Return a spec of a Python program that is ready once it says ``up``."""
    log = folder / f"{stage}.log"

    def says_up() -> bool:
        """Whether the log has the word."""
        return log.exists() and b"up" in log.read_bytes()

    spec = Spec(stage, 0, [sys.executable, "-c", code], os.environ, log, says_up)
    return spec._replace(**changes)


class TestClock:
    """A clock that moves by a step at each look, and as told."""

    __test__ = False

    def __init__(self, step_s: float = 0.0) -> None:
        self.at = 1000.0
        self._step_s = step_s

    def __call__(self) -> float:
        """Return the time."""
        self.at += self._step_s
        return self.at


def die_once(supervisor: Supervisor, clock: TestClock) -> None:
    """Wait for the first child's end, let the supervisor see it, and let the pause pass."""
    pid = supervisor.children[0].pid
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    supervisor.step()
    clock.at += 4.0
    supervisor.step()


def teller() -> tuple[list[str], Callable[[str], None]]:
    """Return a list and what adds to it."""
    told: list[str] = []
    return told, told.append
