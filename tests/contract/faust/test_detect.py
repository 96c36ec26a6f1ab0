"""The detect stage as a process on a broker of its own, since its topics have fixed names."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from random import Random

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.cimpl import NewTopic

from pipeline.detect.table import APP
from pipeline.io.faust.tables import CHANGELOG_TOPICS
from pipeline.local.kafka import embedded_broker
from pipeline.local.ports import free_port
from pipeline.model.metric import Metric
from pipeline.model.signal import Signal
from pipeline.model.stage import Record, Sent
from pipeline.model.window import WindowRecord
from tests.broker import KafkaCluster, everything, opened, publish
from tests.contract.faust.bench import ROOT, until
from tests.detect.build import run
from tests.detect.test_restart import a_log

PROGRAM = """
import sys
from pipeline.config import load
from pipeline.local.run import run_stage
servers, port = sys.argv[1:]
key = bytes(range(32)).hex()
config = load(kafka={"bootstrap_servers": servers, "dead_letter_key": key})
sys.exit(run_stage("detect", config, 0, int(port)))
"""
PARTITIONS = 3


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a broker of this module's own."""
    with embedded_broker(tmp_path_factory.mktemp("detect-kafka")) as bootstrap:
        yield bootstrap


class Detect:
    """Topics made anew, and one worker after the other."""

    def __init__(self, servers: str) -> None:
        self.cluster = KafkaCluster(servers)
        self.port = free_port()
        names = ("windows", "metrics", "signals", "dead-letters", *CHANGELOG_TOPICS)
        admin = self.cluster.admin
        present = set(admin.list_topics(timeout=10).topics) & set(names)
        for deleted in admin.delete_topics(list(present)).values() if present else ():
            deleted.result()
        until(lambda: not set(admin.list_topics(timeout=10).topics) & set(names))
        made = [
            NewTopic(name, PARTITIONS, 1, config=dict(CHANGELOG_TOPICS.get(name, {})))
            for name in names
        ]
        for created in admin.create_topics(made).values():
            created.result()
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        arguments = [sys.executable, "-c", PROGRAM, self.cluster.bootstrap, str(self.port)]
        self.process = subprocess.Popen(arguments, cwd=ROOT)
        return self.process

    def kill(self) -> None:
        """End the worker without warning."""
        self.process.kill()
        self.process.wait()

    def publish(self, log: list[WindowRecord], partition: int = 0) -> None:
        """Write windows."""
        values = [msgspec.json.encode(record) for record in log]
        publish(self.cluster.broker, [Sent("windows", v, None, partition) for v in values])

    def read(self, topic: str) -> list[Record]:
        """Return the records of a topic."""
        return everything(self.cluster.broker, topic)

    def metrics(self) -> dict[tuple[int, str, int], Metric]:
        """Return the metrics by partition, service and number; repeats must be equal."""
        found: dict[tuple[int, str, int], Metric] = {}
        for record in self.read("metrics"):
            metric = msgspec.json.decode(record.value or b"", type=Metric)
            key = (record.partition, metric.service, metric.number)

            assert found.setdefault(key, metric) == metric
        return found

    def signals(self) -> dict[str, Signal]:
        """Return the signals by id; repeats must be equal."""
        found: dict[str, Signal] = {}
        for record in self.read("signals"):
            signal_ = msgspec.json.decode(record.value or b"", type=Signal)

            assert found.setdefault(signal_.signal_id, signal_) == signal_
        return found

    def status(self, path: str) -> str:
        """Return what the health port answers, or nothing while it is not there."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
                return str(reply.read().decode())
        except OSError:
            return ""


@pytest.fixture
def detect(servers: str) -> Iterator[Detect]:
    """Give fresh topics and a worker."""
    detect = Detect(servers)
    yield detect
    if detect.process.poll() is None:
        detect.kill()


def test_killed_anywhere_the_values_are_those_of_an_uninterrupted_run(detect: Detect) -> None:
    """C4 kill -9 of detect: no window lost, none counted twice, ids and values equal."""
    log = a_log(5, 70)
    expected = run(*log)
    random = Random(9)
    for partition in range(PARTITIONS):
        detect.publish(log, partition)
    total = PARTITIONS * len(expected.metrics)
    for wanted in sorted(random.sample(range(20, total), 3)):
        until(lambda wanted=wanted: len(detect.metrics()) >= wanted)  # type: ignore[misc]
        detect.kill()
        detect.start()
    until(lambda: len(detect.metrics()) == total)
    wanted_metrics = {
        (partition, metric.service, metric.number): metric
        for metric in expected.metrics
        for partition in range(PARTITIONS)
    }

    assert detect.metrics() == wanted_metrics
    assert detect.signals() == {signal_.signal_id: signal_ for signal_ in expected.signals}


def test_sigterm_commits_and_leaves_within_five_seconds(detect: Detect) -> None:
    """A worker that is asked to end commits what it has done and exits with 0."""
    log = a_log(6, 30)
    detect.publish(log)
    total = len(run(*log).metrics)
    until(lambda: len(detect.metrics()) == total)

    assert detect.status("/readyz") == "ok\n"
    assert 'tocsin_records_read_total{stage="detect",topic="windows"}' in detect.status("/metrics")

    os.kill(detect.process.pid, signal.SIGTERM)

    assert detect.process.wait(5) == 0

    detect.start()
    until(lambda: detect.status("/readyz") == "ok\n")
    detect.publish([], 0)

    assert len(detect.read("metrics")) == total


def test_an_unreadable_window_is_dead_lettered(detect: Detect) -> None:
    """2.15 What cannot be read goes to dead-letters with its place and reason; the rest passes."""
    log = a_log(7, 10)
    publish(detect.cluster.broker, [Sent("windows", b"broken", b"k", 1)])
    detect.publish(log, 1)
    total = len(run(*log).metrics)
    until(lambda: len(detect.metrics()) == total)
    (letter,) = detect.read("dead-letters")

    assert letter.header("body") == b"sealed"
    assert opened(letter).value == b"broken"
    assert (letter.key, letter.header("topic")) == (b"k", b"windows")
    assert (letter.header("partition"), letter.header("offset")) == (b"1", b"0")
    assert letter.header("reason") == b"window_broken"


def test_a_gap_that_retention_made_is_reported_and_passed(detect: Detect) -> None:
    """N4 Expired offsets: the worker goes on, and a dead letter says what was lost."""
    log = a_log(8, 40)
    half = len(log) // 2
    detect.publish(log[:half])
    total = len(run(*log[:half]).metrics)
    until(lambda: len(detect.metrics()) == total)
    detect.process.terminate()

    assert detect.process.wait(5) == 0

    detect.publish(log[half:])
    place = TopicPartition("windows", 0, half + 10)
    detect.cluster.admin.delete_records([place])[place].result()
    detect.start()
    last = max(metric.number for metric in run(*log).metrics)
    until(lambda: max(number for _, _, number in detect.metrics()) == last)
    (letter,) = detect.read("dead-letters")

    assert letter.header("reason") == b"gap"
    assert (letter.header("offset"), letter.header("end")) == (
        str(half).encode(),
        str(half + 10).encode(),
    )


def test_the_changelog_has_the_name_that_admin_makes() -> None:
    """Faust names the changelog after app and table; it is made before Faust asks for it."""
    assert list(CHANGELOG_TOPICS) == [f"{APP}-series-changelog"]
