"""A real ``tocsin store`` as a process, for tests that talk to it over HTTP or kill it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from pipeline.local.ports import free_port
from pipeline.store.clickhouse import Client
from pipeline.store.settings import ClickHouseSettings

START_S = 30.0


class Served:
    """One store on one folder; it can be killed and started again on the same port."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "pipeline", "store", "--data", str(self.data)]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)], env=self._environment, stdout=subprocess.DEVNULL
        )
        end = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, f"store ended: {self._process.returncode}"
            assert time.monotonic() < end, "store did not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        """Whether it serves."""
        try:
            return httpx.get(f"{self.url}/ping", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal and return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(20)
        self._process = None
        return code

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def client(self) -> Client:
        """Return a client as the stages have it."""
        return Client(ClickHouseSettings(url=self.url))

    def ask(self, query: str, **parameters: str) -> httpx.Response:
        """Send one query as curl would."""
        return httpx.post(self.url, content=query, params=parameters, timeout=30)
