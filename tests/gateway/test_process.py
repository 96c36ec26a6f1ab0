"""The gateway as a process: readiness, metrics, signals."""

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.io.gateway import listen
from tests.gateway.build import KEY

SCRIPT = """
import sys
from pipeline.gateway.settings import GatewaySettings
from pipeline.io.clock import SystemClock
from pipeline.io.gateway import serve
from pipeline.io.log import configure
{broker}
configure(terminal=False)
settings = GatewaySettings(port=0, keys={{"{key}": "shop"}}, ack_s=0.5)
sys.exit(serve(settings, broker, "127.0.0.1", 0))
"""
MEMORY = """
from pipeline.io.memory import MemoryBroker
broker = MemoryBroker(SystemClock())
broker.create("events.raw")
"""
# Nothing listens at port 1.
AWAY = """
from pipeline.io.kafka.broker import KafkaBroker
broker = KafkaBroker("127.0.0.1:1")
"""
DEADLINE_S = 20


class Running:
    """A gateway in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        lines = (line for line in process.stderr if "gateway listens" in line)
        facts = json.loads(next(lines))
        self.port: int = facts["port"]
        self.metrics_port: int = facts["metrics_port"]

    def get(self, path: str) -> tuple[int, str]:
        """Ask the health port."""
        return self._ask(f"http://127.0.0.1:{self.metrics_port}{path}", None)

    def post(self, body: bytes) -> tuple[int, str]:
        """Send a JSON record."""
        return self._ask(f"http://127.0.0.1:{self.port}/ingest/json", body)

    @staticmethod
    def _ask(url: str, body: bytes | None) -> tuple[int, str]:
        """Return status and body, of errors too."""
        request = urllib.request.Request(url, body, {"X-Api-Key": KEY})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@contextmanager
def running(broker: str) -> Iterator[Running]:
    """Run a gateway until the block ends."""
    script = SCRIPT.format(broker=broker, key=KEY)
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    try:
        yield Running(process)
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE_S)


def until(ask: Any, wanted: Any) -> None:
    """Ask until the answer is the wanted one."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while (found := ask()) != wanted:
        assert time.monotonic() < deadline, found
        pause.wait(0.05)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_lives_and_ends(sign: signal.Signals) -> None:
    """It becomes ready, counts what it takes, and ends with 0 within 3 s of a signal."""
    with running(MEMORY) as gateway:
        until(lambda: gateway.get("/readyz")[0], 200)
        assert gateway.post(b'{"message":"boom"}')[0] == 200
        exposed = gateway.get("/metrics")[1]
        began = time.monotonic()
        gateway.process.send_signal(sign)

        assert gateway.process.wait(DEADLINE_S) == 0
        assert time.monotonic() - began < 3
        request = 'tocsin_gateway_requests_total{endpoint="json",stage="gateway",status="200"} 1.0'
        assert request in exposed
        assert 'tocsin_gateway_items_total{kind="error",outcome="accepted"' in exposed
        assert 'tocsin_records_written_total{stage="gateway",topic="events.raw"} 1.0' in exposed


def test_without_kafka() -> None:
    """Without Kafka it listens, answers 429, is alive but not ready, and still ends in time."""
    with running(AWAY) as gateway:
        until(lambda: gateway.get("/healthz")[0], 200)
        assert gateway.get("/readyz")[0] == 503
        assert gateway.post(b'{"message":"boom"}')[0] == 429
        began = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)

        assert gateway.process.wait(DEADLINE_S) == 0
        assert time.monotonic() - began < 3


def test_taken_port() -> None:
    """A taken port is named together with what to set."""
    with (
        listen("127.0.0.1", 0) as taken,
        pytest.raises(OSError, match=r"cannot listen at 127.0.0.1:\d+ .*gateway.port"),
    ):
        listen("127.0.0.1", taken.getsockname()[1])
