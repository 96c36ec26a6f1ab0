"""The whole pipeline on one machine: Kafka, the store, every stage as a process of its own.

``Machine`` is what both ``tocsin up`` and ``tocsin demo`` run: ``start`` it, ``step`` it, ``stop``
it. Parts that the user brings (bootstrap servers, a ClickHouse URL) are not started.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import psutil

from pipeline.config import load
from pipeline.local import state
from pipeline.local.ask import answers
from pipeline.local.child import Child, Spec
from pipeline.local.jars import Progress
from pipeline.local.kafka import prepare
from pipeline.local.ports import HOST, free_port, is_open
from pipeline.local.refused import Refused
from pipeline.local.supervisor import Supervisor, Tell
from pipeline.topology import STAGES

START_S = 90.0
ONCE_S = 120.0


class Options(NamedTuple):
    """What was asked for; port 0 takes a free one, an empty address means the embedded part."""

    data: Path
    kafka_port: int = 9092
    clickhouse_port: int = 8123
    gateway_port: int = 8600
    api_port: int = 8700
    bootstrap_servers: str = ""
    clickhouse_url: str = ""
    environment: Mapping[str, str] = {}


def _port(name: str, wanted: int) -> int:
    """Return the port to use; raises Refused if it is taken."""
    if wanted and is_open(wanted):
        raise Refused(f"port {wanted} for {name} is taken; choose another with --{name}-port")
    return wanted or free_port()


def _kept(path: Path, n_bytes: int) -> str:
    """Return the random key of a file that only its owner reads, made at the first start."""
    if not path.is_file():
        made = path.with_suffix(".new")
        made.unlink(missing_ok=True)
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(n_bytes), "utf-8")
        made.replace(path)
    return path.read_text("utf-8").strip()


def _seal_file(data: Path) -> dict[str, str]:
    """Return the setting that names the folder's key for dead letters, made at the first start."""
    path = state.dead_letter_key_path(data)
    _kept(path, 32)
    return {"TOCSIN_KAFKA__DEAD_LETTER_KEY_FILE": str(path.resolve())}


def _refuse_twins(asked: Options) -> None:
    """Refuse a port that two options name: the second to listen would fail, long after."""
    ports = {"gateway": asked.gateway_port, "api": asked.api_port}
    if not asked.bootstrap_servers:
        ports["kafka"] = asked.kafka_port
    if not asked.clickhouse_url:
        ports["clickhouse"] = asked.clickhouse_port
    for (one, port), (other, same) in combinations(ports.items(), 2):
        if port and port == same:
            raise Refused(f"port {port} is given to both --{one}-port and --{other}-port")


class Machine:
    """One running pipeline in one data folder, which the caller has locked."""

    def __init__(self, options: Options, tell: Tell, progress: Progress) -> None:
        self._options = options
        config = load()
        self._keys = config.gateway.keys
        self._seal = {} if config.kafka.has_dead_letter_key() else _seal_file(options.data)
        self._tell = tell
        self._progress = progress
        self._supervisor = Supervisor(tell)
        self._phase = "starting"
        self._problem = ""
        self._endpoints = self._choose_endpoints()

    def _choose_endpoints(self) -> state.Endpoints:
        """Fix every address before the first process starts."""
        asked = self._options
        _refuse_twins(asked)
        gateway = _port("gateway", asked.gateway_port)
        key = _kept(asked.data / "ingest.key", 16)
        kafka = asked.bootstrap_servers or f"{HOST}:{_port('kafka', asked.kafka_port)}"
        store = asked.clickhouse_url
        if not store:
            store = f"http://{HOST}:{_port('clickhouse', asked.clickhouse_port)}"
        return state.Endpoints(
            bootstrap_servers=kafka,
            clickhouse_url=store,
            gateway_url=f"http://{HOST}:{gateway}",
            api_url=f"http://{HOST}:{_port('api', asked.api_port)}",
            ingest_key=key,
            sentry_dsn=f"http://{key}@{HOST}:{gateway}/1",
        )

    @property
    def endpoints(self) -> state.Endpoints:
        """Where to connect."""
        return self._endpoints

    @property
    def children(self) -> list[Child]:
        """The supervised processes."""
        return self._supervisor.children

    @property
    def peak_bytes(self) -> int:
        """The largest resident memory of all processes together so far."""
        return self._supervisor.peak_bytes

    def _environment(self) -> dict[str, str]:
        """Return what every child gets: the user's settings, and where everything is."""
        ends = self._endpoints
        return {
            **os.environ,
            **self._seal,
            **self._options.environment,
            "TOCSIN_KAFKA__BOOTSTRAP_SERVERS": ends.bootstrap_servers,
            "TOCSIN_CLICKHOUSE__URL": ends.clickhouse_url,
            "TOCSIN_GATEWAY__PORT": ends.gateway_url.rpartition(":")[2],
            "TOCSIN_API__PORT": ends.api_url.rpartition(":")[2],
            "TOCSIN_GATEWAY__KEYS": json.dumps({**self._keys, ends.ingest_key: "default"}),
        }

    @property
    def problem(self) -> str:
        """What did not become ready at the start, nothing if all did."""
        return self._problem

    def start(self, *, all_or_nothing: bool = True) -> None:
        """Start everything; it is ready when this returns. Raises Refused with the reason.

        With ``all_or_nothing`` false a stage that does not become ready is no reason to give up:
        it is told, and stands in ``problem``.
        """
        (self._options.data / "logs").mkdir(exist_ok=True)
        try:
            infrastructure = self._supervisor.start([*self._kafka(), *self._store()])
            self._enter("starting Kafka and ClickHouse")
            self._supervisor.wait_ready(infrastructure, START_S)
            self._enter("making topics and tables")
            self._once("topics", "create")
            self._once("migrate")
            self._enter("starting the stages")
        except Refused as refused:
            self._problem = str(refused)
            raise
        stages = self._supervisor.start([self._stage(row.name) for row in STAGES])
        self._save()
        try:
            self._supervisor.wait_ready(stages, START_S)
        except Refused as refused:
            self._problem = str(refused)
            if all_or_nothing:
                raise
            self._tell(f"{self._problem}; the others go on")
        self._enter("running")

    def step(self) -> None:
        """Look after the processes; call it a few times a second."""
        if self._supervisor.step():
            self._save()

    def stop(self) -> None:
        """End everything within ten seconds."""
        self._enter("stopping")
        self._supervisor.stop()
        self._enter("stopped")

    def _enter(self, phase: str) -> None:
        """Say what is being done now."""
        self._phase = phase
        self._tell(phase)
        self._save()

    def _save(self) -> None:
        """Write the state file; a full disk must not end the supervisor."""
        try:
            state.write(self._options.data, self.running())
        except OSError as error:
            self._tell(f"the status cannot be written: {error}")

    def running(self) -> state.Running:
        """Return what runs now."""
        own = psutil.Process()
        return state.Running(
            pid=own.pid,
            started_at=own.create_time(),
            phase=self._phase,
            endpoints=self._endpoints,
            processes=[_described(child) for child in self.children],
            problem=self._problem,
        )

    def _kafka(self) -> list[Spec]:
        """Return the broker, unless the user brings one."""
        if self._options.bootstrap_servers:
            return []
        port = int(self._endpoints.bootstrap_servers.rpartition(":")[2])
        node = prepare(self._options.data / "kafka", port, self._progress)
        return [self._spec("kafka", node.server(), partial(is_open, port))]

    def _store(self) -> list[Spec]:
        """Return the embedded ClickHouse, unless the user brings one."""
        if self._options.clickhouse_url:
            return []
        url = self._endpoints.clickhouse_url
        folder = str(self._options.data / "clickhouse")
        port = url.rpartition(":")[2]
        command = _tocsin("store", "--data", folder, "--port", port)
        return [self._spec("store", command, partial(answers, f"{url}/ping"))]

    def _stage(self, name: str) -> Spec:
        """Return one stage's process."""
        port = free_port()
        command = _tocsin("run", name, "--metrics-port", str(port))
        is_ready = partial(answers, f"http://{HOST}:{port}/readyz")
        return self._spec(name, command, is_ready, port)

    def _spec(
        self, stage: str, command: list[str], is_ready: partial[bool], metrics_port: int = 0
    ) -> Spec:
        """Return what is to run, with its log and its environment."""
        log = self._options.data / "logs" / f"{stage}-0.log"
        return Spec(stage, 0, command, self._environment(), log, is_ready, metrics_port)

    def _once(self, *arguments: str) -> None:
        """Run one of our own commands to its end; raises Refused with what it said."""
        command = f"`tocsin {' '.join(arguments)}`"
        try:
            done = subprocess.run(
                _tocsin(*arguments),
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=ONCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(f"{command} took longer than {ONCE_S:.0f} s") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().removeprefix("tocsin: ")
            raise Refused(f"{command} failed: {said[-500:]}")


def _tocsin(*arguments: str) -> list[str]:
    """Return a command line of this very installation."""
    return [sys.executable, "-m", "pipeline", *arguments]


def _described(child: Child) -> state.Process:
    """Return a process as the state file has it."""
    return state.Process(
        stage=child.spec.stage,
        instance=child.spec.instance,
        pid=child.pid,
        started_at=child.started_at,
        state=child.life.state,
        restarts=child.life.restarts,
        metrics_port=child.spec.metrics_port,
        log=str(child.spec.log),
    )
