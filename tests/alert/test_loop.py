"""The alert stage on the transactional loop: aborts, lost answers and restarts change nothing."""

from datetime import timedelta
from functools import partial

import msgspec
import pytest

from pipeline.alert.stage import AlertStage
from pipeline.io.loop import LoopSettings, Worker
from pipeline.model.partition import partition_of
from pipeline.model.stage import Sent
from pipeline.topology import BY_NAME
from tests.alert.build import CHANNELS, PARTITIONS, a_metric, a_rule, a_signal, an_issue_rule
from tests.broker import MemoryCluster, everything, publish
from tests.build import AT
from tests.toys import Flaky

RULES = (
    a_rule(channels=["slack"], cooldown="1m"),
    a_rule(name="lasting", **{"for": "2m"}, channels=["email"], repeat_interval="5m"),
    an_issue_rule(lasts="5m", channels=["webhook"]),
)
FAILED = (0, 300, 300, 0, 300, 300, 300, 300, 0, 0, 300, 0)


def made(cluster: MemoryCluster, plan: str) -> Worker:
    """Return a worker whose commits fail as planned."""
    make = partial(AlertStage, rules=RULES, channels=CHANNELS, partitions=PARTITIONS)
    broker = Flaky(cluster.broker, plan)
    return Worker(BY_NAME["alert"], 0, make, broker, cluster.clock, LoopSettings(poll_s=0))


def ran(plan: str, *, restart: bool = False) -> dict[str, list[tuple[bytes | None, bytes | None]]]:
    """Play an hour of one service; return what lies on the topics."""
    cluster = MemoryCluster()
    for topic in ("metrics", "signals", "alerts", "notifications", "dead-letters"):
        cluster.topic(topic, PARTITIONS)
    worker = made(cluster, plan)
    for n, failed in enumerate(FAILED):
        place = partition_of(PARTITIONS, "shop", "production")
        metric = msgspec.json.encode(a_metric(n * 60, failed=failed))
        messages = [Sent("metrics", metric, b"shop", place)]
        if n % 3 == 0:
            signal = msgspec.json.encode(a_signal(n * 60, group_id=f"{n:016x}"))
            messages.append(Sent("signals", signal, b"id", place))
        publish(cluster.broker, messages)
        for seconds in (0, 15, 30):
            cluster.clock.set(AT + timedelta(seconds=n * 60 + seconds))
            for _ in range(12):
                worker.turn()
        if restart:
            worker = made(cluster, plan)
    return {
        topic: [(r.key, r.value) for r in everything(cluster.broker, topic)]
        for topic in ("alerts", "notifications", "dead-letters")
    }


@pytest.mark.parametrize("plan", ["a.", "l.", "al.", "aal."])
def test_an_abort_of_every_batch_leaves_equal_output(plan: str) -> None:
    """4.10 Alerts and notices are byte by byte the same when every transaction first fails."""
    steady = ran(".")

    assert len(steady["notifications"]) > 8
    assert ran(plan) == steady


def test_a_restart_after_every_metric_leaves_equal_output() -> None:
    """4.6 A worker that dies after every metric writes what one that lives on writes."""
    assert ran(".", restart=True) == ran(".")
