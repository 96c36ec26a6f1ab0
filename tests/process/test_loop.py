"""The stage on the loop that runs it: aborts and restarts change no row, no sum, no outcome."""

from functools import partial

import orjson
import pytest

from pipeline.frames.codec import decode
from pipeline.io.loop import LoopSettings, Worker
from pipeline.model.frame import OutcomeRow, ServiceRow
from pipeline.model.stage import Sent
from pipeline.process.settings import ProcessSettings
from pipeline.process.stage import ProcessStage
from pipeline.topology import BY_NAME
from tests.bench.events import event
from tests.broker import MemoryCluster, everything, publish, until
from tests.process.build import PARTITIONS, an_event, decided, novel
from tests.toys import Flaky

KNOWN = an_event(message="known 1")


def drained(plan: str) -> MemoryCluster:
    """Return a broker whose events the stage has read, its commits failing as planned."""
    cluster = MemoryCluster()
    row = BY_NAME["process"]
    for topic in {*row.reads, *row.writes, *row.recalls} - {"dead-letters"}:
        cluster.topic(topic, PARTITIONS)
    cluster.topic("dead-letters")
    publish(cluster.broker, [Sent("groups", r.value, r.key, 0) for r in decided(novel(KNOWN))])
    raw = [orjson.dumps(event(n, 7)) for n in range(12)]
    raw += [orjson.dumps(an_event(message=f"known {n}", event_id=f"{n:032x}")) for n in range(9)]
    raw += [b"not json", b'{"service":"shop"}']
    publish(
        cluster.broker,
        [
            Sent("events.raw", v, partition=n % PARTITIONS)
            for n, v in enumerate(raw * 2 + raw[::-1])
        ],
    )
    make = partial(ProcessStage, settings=ProcessSettings(), window_s=60, partitions=PARTITIONS)
    worker = Worker(
        BY_NAME["process"],
        0,
        make,
        Flaky(cluster.broker, plan),
        cluster.clock,
        LoopSettings(max_records=5, poll_s=0.01),
    )
    until(lambda: worker.turn().outcome == "idle" and worker.ready())
    worker.close()
    return cluster


def written(cluster: MemoryCluster, topic: str) -> list[tuple[int, bytes | None, bytes | None]]:
    """Return what stands on a topic without the marks, each partition in its order."""
    records = [r for r in everything(cluster.broker, topic) if r.header("mark") is None]
    return [(r.partition, r.key, r.value) for r in sorted(records, key=lambda r: r.partition)]


def sums(cluster: MemoryCluster) -> dict[tuple[str, ...], int]:
    """Return what the frames add up to."""
    found: dict[tuple[str, ...], int] = {}
    for record in everything(cluster.broker, "frames"):
        for row in decode(record.value).rows:
            if isinstance(row, ServiceRow):
                key: tuple[str, ...] = (row.service, row.environment)
                found[key] = found.get(key, 0) + row.error
            elif isinstance(row, OutcomeRow):
                key = (row.service, row.event_kind, row.outcome, row.reason)
                found[key] = found.get(key, 0) + row.n
    return found


@pytest.mark.parametrize("plan", ["a.", "l.", "aal."])
def test_an_abort_of_every_batch_leaves_equal_output(plan: str) -> None:
    """2.4 Aborted batches and lost answers change no row, no novel event, no letter and no sum."""
    clean, flaky = drained("."), drained(plan)

    for topic in ("events.grouped", "events.novel", "dead-letters"):
        assert written(flaky, topic) == written(clean, topic), topic
    assert sums(flaky) == sums(clean)


def test_every_event_is_accounted_for() -> None:
    """Accepted events are rows, duplicates or dead letters, to the last one."""
    cluster = drained("a.")
    totals: dict[str, int] = {}
    for key, n in sums(cluster).items():
        if len(key) == 4:
            totals[key[2]] = totals.get(key[2], 0) + n
    stored = len(written(cluster, "events.grouped")) + len(written(cluster, "events.novel"))

    assert totals["accepted"] == 3 * 23
    assert totals["dead_lettered"] == len(written(cluster, "dead-letters")) == 3 * 2
    assert totals["accepted"] == stored + totals["duplicate"] + totals["dead_lettered"]
