"""A real Apache Kafka on this machine: one node, KRaft, tuned to be small.

Flags and properties were measured: 147 MB resident when idle instead of 310, 2 s to the open port.
"""

import base64
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline.local.child import Child, Spec
from pipeline.local.fence import CONTROLLER
from pipeline.local.jars import Progress, class_path
from pipeline.local.java import Java, find_java
from pipeline.local.ports import HOST, free_port, is_open
from pipeline.local.refused import Refused

START_S = 60.0
STOP_S = 8.0
_FLAGS = (
    "-Xms48m",
    "-Xmx192m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "--enable-native-access=ALL-UNNAMED",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
# The dedupe buffer's default of 128 MB does not start with this heap. The session is long: nobody
# takes over from a broker that stalls, and one fenced meanwhile harms transactions (see fence.py).
_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "num.network.threads": "1",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "group.coordinator.threads": "1",
    "share.coordinator.threads": "1",
    "metadata.max.idle.interval.ms": "0",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": "30000",
}


class Node(NamedTuple):
    """One broker as it is to be started."""

    folder: Path
    port: int
    controller_port: int
    java: Java
    class_path: str

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"{HOST}:{self.port}"

    @property
    def properties_path(self) -> Path:
        """The file of properties."""
        return self.folder / "server.properties"

    def command(self, main: str, *arguments: str) -> list[str]:
        """Return the command line of one of Kafka's programs."""
        unsafe = ("--sun-misc-unsafe-memory-access=allow",) if self.java.version >= 23 else ()
        start = [str(self.java.binary), *_FLAGS, *unsafe, "-cp", self.class_path, main]
        return [*start, *arguments]

    def server(self) -> list[str]:
        """Return the command line of the broker itself, started as one that is not yet known."""
        broker = self.command("kafka.Kafka", str(self.properties_path))
        return [sys.executable, "-m", "pipeline.local.fence", str(self.folder), *broker]


def _write_properties(node: Node) -> None:
    """Write the properties of the broker, and those of its controller alone."""
    controller = f"{HOST}:{node.controller_port}"
    both = {
        **_PROPERTIES,
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{node.bootstrap},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{node.bootstrap}",
        "log.dirs": str(node.folder / "logs"),
    }
    alone = {
        **both,
        "process.roles": "controller",
        "listeners": f"CONTROLLER://{controller}",
        "advertised.listeners": f"CONTROLLER://{controller}",
        "broker.session.timeout.ms": "200",
        "broker.heartbeat.interval.ms": "100",
    }
    for path, properties in ((node.properties_path, both), (node.folder / CONTROLLER, alone)):
        path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()), "utf-8")


def _format(node: Node) -> None:
    """Format the log folder, once; a file written by hand would lack Kafka's features."""
    if (node.folder / "logs" / "meta.properties").is_file():
        return
    # The leading byte keeps the id from beginning with a dash, which would be read as an option.
    cluster = base64.urlsafe_b64encode(b"T" + secrets.token_bytes(15)).decode().rstrip("=")
    arguments = ("-t", cluster, "-c", str(node.properties_path))
    done = subprocess.run(
        node.command("kafka.tools.StorageTool", "format", *arguments),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Refused(f"Kafka cannot format {node.folder}: {(done.stderr or done.stdout).strip()}")


def prepare(folder: Path, port: int, progress: Progress) -> Node:
    """Return a node that can be started; port 0 takes a free one.

    Raises Refused for a taken port, a folder that cannot be written, no Java, no jars.
    """
    if port and is_open(port):
        raise Refused(f"port {port} for Kafka is taken; choose another with --kafka-port")
    java = find_java(os.environ)
    jars = class_path(os.environ, progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        node = Node(folder, port or free_port(), free_port(), java, jars)
        _write_properties(node)
    except OSError as error:
        raise Refused(f"cannot write {folder}: {error.strerror}; choose another folder") from error
    _format(node)
    return node


class EmbeddedBroker:
    """One broker that the caller starts, may kill and start again, and stops."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        node = prepare(folder, port, lambda _done, _total: None)
        self.bootstrap = node.bootstrap
        self._port = node.port
        self._log = folder / "broker.log"
        is_ready = partial(is_open, node.port)
        self._child = Child(Spec("kafka", 0, node.server(), os.environ, self._log, is_ready))

    def start(self) -> None:
        """Start it; it dies with the thread that calls this."""
        self._child.start()

    def wait_ready(self) -> None:
        """Wait for the port; raises Refused if the broker ends or takes too long."""
        end = time.monotonic() + START_S
        while not is_open(self._port):
            if self._child.is_gone() or time.monotonic() > end:
                raise Refused(f"Kafka did not start: see {self._log}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._child.kill()

    def stop(self) -> None:
        """End it in order."""
        self._child.end(STOP_S)


@contextmanager
def embedded_broker(folder: Path, port: int = 0) -> Iterator[str]:
    """Run a broker and yield its bootstrap servers; it ends with the block."""
    broker = EmbeddedBroker(folder, port)
    broker.start()
    try:
        broker.wait_ready()
        yield broker.bootstrap
    finally:
        broker.stop()
