"""The notify process on a real broker: killed between answer and log, asked to end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.cimpl import NewTopic

from pipeline.model.notification import Notification
from pipeline.model.notification_log import Attempt
from pipeline.model.stage import Sent
from tests.broker import KafkaCluster, everything, publish, until
from tests.io.servers import Answer, HttpServer
from tests.notify.build import SECRET, a_notification, key_of

TOPICS = ("notifications", "notifications.log", "dead-letters")


@pytest.fixture
def cluster_of_notify(kafka: str) -> KafkaCluster:
    """Return the broker with the topics that the process reads and writes under their own names."""
    cluster = KafkaCluster(kafka)
    known = cluster.admin.list_topics(timeout=10).topics
    new = [NewTopic(t, num_partitions=2, replication_factor=1) for t in TOPICS if t not in known]
    for made in cluster.admin.create_topics(new).values() if new else ():
        made.result()
    return cluster


@contextmanager
def process(kafka: str, channels: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the stage as `tocsin run notify` does; it is killed at the end if it still lives."""
    settings = {"TOCSIN_KAFKA__BOOTSTRAP_SERVERS": kafka, "TOCSIN_NOTIFY__CHANNELS": str(channels)}
    command = [sys.executable, "-m", "pipeline", "run", "notify"]
    with subprocess.Popen(command, env=os.environ | settings, stderr=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            running.kill()


def channels_file(folder: Path, **urls: str) -> Path:
    """Return a file of webhooks."""
    path = folder / "channels.yaml"
    lines = [
        f"  {name}: {{type: webhook, url: '{url}', secrets: [{SECRET}], allow_private: true}}\n"
        for name, url in urls.items()
    ]
    path.write_text("channels:\n" + "".join(lines))
    return path


def put(cluster: KafkaCluster, *notes: Notification) -> None:
    """Publish notices as the alert stage does."""
    publish(
        cluster.broker,
        [Sent("notifications", msgspec.json.encode(note), key_of(note)) for note in notes],
    )


def outcomes(cluster: KafkaCluster, channel: str) -> list[str]:
    """Return the outcomes that the log holds for a channel."""
    records = everything(cluster.broker, "notifications.log")
    found = [msgspec.json.decode(r.value or b"", type=Attempt) for r in records]
    return [attempt.outcome for attempt in found if attempt.channel == channel]


def test_a_kill_between_answer_and_log(cluster_of_notify: KafkaCluster, tmp_path: Path) -> None:
    """4.15 Killed while the receiver answers, the notice comes again under the same id, once."""
    cluster = cluster_of_notify
    name = f"killed-{time.monotonic_ns()}"
    with HttpServer([Answer(hang=True), Answer(204, body=b"")]) as server:
        path = channels_file(tmp_path, **{name: server.url})
        put(cluster, a_notification(channel=name))
        with process(cluster.bootstrap, path) as first:
            until(lambda: server.arrived.wait(0.1))
            first.kill()
            first.wait()
        with process(cluster.bootstrap, path):
            until(lambda: outcomes(cluster, name) == ["sent"])
            put(cluster, a_notification(2, channel=name))
            until(lambda: len(outcomes(cluster, name)) == 2)
    ids = [got.headers["webhook-id"] for got in server.got]

    assert ids[0] == ids[1] != ids[2]
    assert len(ids) == 3


def test_sigterm_ends_a_hanging_channel(cluster_of_notify: KafkaCluster, tmp_path: Path) -> None:
    """4.9 While one channel hangs another delivers; SIGTERM ends both within five seconds."""
    cluster = cluster_of_notify
    mark = time.monotonic_ns()
    slow, quick = f"slow-{mark}", f"quick-{mark}"
    with HttpServer([Answer(hang=True)]) as hanging, HttpServer() as server:
        path = channels_file(tmp_path, **{slow: hanging.url, quick: server.url})
        with process(cluster.bootstrap, path) as running:
            put(cluster, a_notification(channel=slow))
            until(lambda: hanging.arrived.wait(0.1))
            put(cluster, a_notification(channel=quick))
            until(lambda: outcomes(cluster, quick) == ["sent"])
            running.send_signal(signal.SIGTERM)
            began = time.monotonic()
            code = running.wait(10)
            took = time.monotonic() - began

    assert (code, took < 5) == (0, True)
    assert outcomes(cluster, slow) == []
