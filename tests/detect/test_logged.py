"""The same stage on the transactional loop, its rows in the changelog topic."""

import msgspec

from pipeline.detect.logged import LoggedDetectStage
from pipeline.detect.settings import DetectSettings
from pipeline.detect.stage import WINDOWS
from pipeline.detect.table import CHANGELOG
from pipeline.io.loop import LoopSettings, Worker
from pipeline.io.memory import MemoryBroker
from pipeline.model.stage import Sent
from pipeline.topology import Row
from tests.broker import MemoryCluster, everything, publish
from tests.detect.build import PARTITION, run
from tests.detect.test_restart import a_log
from tests.toys import Flaky

ROW = Row(
    name="detect",
    engine="loop",
    reads=("windows",),
    writes=("metrics", "signals", CHANGELOG, "dead-letters"),
    recalls=(CHANGELOG,),
    own=(CHANGELOG,),
)


def outputs(plan: str) -> list[bytes | None]:
    """Return the metrics that the loop writes when its commits fail as planned."""
    cluster = MemoryCluster()
    broker: MemoryBroker = cluster.broker
    for topic in (WINDOWS, "metrics", "signals", CHANGELOG):
        cluster.topic(topic, PARTITION + 1)
    cluster.topic("dead-letters")
    values = [msgspec.json.encode(record) for record in a_log(3, 40)]
    publish(broker, [Sent(WINDOWS, value, None, PARTITION) for value in [*values, b"broken"]])
    worker = Worker(
        ROW,
        0,
        lambda: LoggedDetectStage(settings=DetectSettings()),
        Flaky(broker, plan),
        cluster.clock,
        LoopSettings(max_records=11, poll_s=0.0),
    )
    while len(everything(broker, "dead-letters")) < 1:
        worker.turn()
    worker.close()
    return [record.value for record in everything(broker, "metrics")]


def test_the_loop_can_run_the_stage() -> None:
    """Aborts and lost answers at any commit leave the output that the engine of tables has."""
    expected = [msgspec.json.encode(metric) for metric in run(*a_log(3, 40)).metrics]

    assert outputs(".") == expected
    assert outputs("a.l..a.") == expected
