"""One supervised process: started in a session of its own, and ended with its supervisor."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, NamedTuple

import psutil

from pipeline.local.life import Life

LOG_LIMIT = 10 * 2**20
# Linux kills a tethered process when the thread that started it ends, however that came about. A
# launcher asks for it and then becomes the process: the supervisor has threads, so no Python code
# may run in it between fork and exec.
_TETHER = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() == int(sys.argv[1]):  # else it died before the tether held
    os.execvp(sys.argv[2], sys.argv[2:])
"""


class Spec(NamedTuple):
    """What is to run: a stage's instance, its command line, and how to ask if it is ready."""

    stage: str
    instance: int
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    is_ready: Callable[[], bool]
    metrics_port: int = 0

    @property
    def name(self) -> str:
        """Stage and instance, as in the status."""
        return f"{self.stage}-{self.instance}"


def tethered(command: list[str]) -> list[str]:
    """Return a command line that dies with the calling thread.

    Elsewhere than on Linux it is the command itself: what is left over, the next start ends.
    """
    if sys.platform != "linux":
        return command
    return [sys.executable, "-ISc", _TETHER, str(os.getpid()), *command]


def open_log(path: Path) -> IO[bytes]:
    """Open a log to add to it; it begins anew when it is long."""
    is_long = path.exists() and path.stat().st_size > LOG_LIMIT
    return path.open("wb" if is_long else "ab")


def last_line(path: Path) -> str:
    """Return the last line of a log, nothing if it cannot be read."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 4096))
            lines = log.read().decode("utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][-300:] if lines else ""


class Child:
    """A spec and the process that is it now."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.life = Life()
        self.started_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 while there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the process, its output goes to its log; raises OSError if that cannot be."""
        with open_log(self.spec.log) as output:
            self._process = subprocess.Popen(
                tethered(self.spec.command),
                env=dict(self.spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started_at = psutil.Process(self._process.pid).create_time()
        self.life.started()

    def has_died(self) -> bool:
        """Whether it ran and does not any more; the process is forgotten then."""
        if self._process is None or self._process.poll() is None:
            return False
        self._process = None
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def is_gone(self) -> bool:
        """Whether nothing runs."""
        return self._process is None or self._process.poll() is not None

    def end(self, within_s: float) -> bool:
        """Ask it to end, then make it; return whether it ended by itself."""
        if self._process is None:
            return True
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """End it at once; it is gone when this returns."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()

    def memory_bytes(self) -> int:
        """Return the resident memory, 0 while nothing runs."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss) if self.pid else 0
        except psutil.NoSuchProcess:
            return 0
