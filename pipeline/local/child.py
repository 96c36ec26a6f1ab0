"""One supervised process: started in a session of its own, and ended with its supervisor."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from pipeline.local.life import Life

LOG_LIMIT = 10 * 2**20
_PR_SET_PDEATHSIG = 1


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


def _die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the supervisor dies (Linux only).

    Elsewhere the next start ends what was left. Runs between fork and exec.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


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
        """Start the process; its output goes to its log, which begins anew when it is long."""
        log = self.spec.log
        mode = "wb" if log.exists() and log.stat().st_size > LOG_LIMIT else "ab"
        with log.open(mode) as output:
            self._process = subprocess.Popen(
                self.spec.command,
                env=dict(self.spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  no threads fork here, see up.py
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

    def memory_bytes(self) -> int:
        """Return the resident memory, 0 while nothing runs."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss) if self.pid else 0
        except psutil.NoSuchProcess:
            return 0
