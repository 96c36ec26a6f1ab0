"""The stage on the loop that runs it: a lost transaction leaves no trace in groups or frames."""

from collections import Counter
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from pipeline.frames.codec import decode
from pipeline.group.settings import GroupSettings
from pipeline.group.stage import GroupStage
from pipeline.io.loop import LoopSettings, Worker
from pipeline.model.action import Reopen, Resolve
from pipeline.model.frame import GroupRow, Sources
from pipeline.model.signal import Signal
from pipeline.model.stage import Sent
from pipeline.topology import BY_NAME
from tests.broker import MemoryCluster, everything, publish, until
from tests.build import AT
from tests.group.build import (
    PARTITIONS,
    a_mark_record,
    a_merge,
    a_message,
    a_novel,
    a_novel_record,
    a_stack,
    an_action,
    fingerprint_of,
    home_of,
)
from tests.toys import Flaky

WORDS = ["apple", "banana", "cherry", "date", "elder", "fig", "grape", "hazel"]
KEYS = [
    *(a_message(f"cannot open the {word} file", service) for word in WORDS for service in "ab"),
    *(a_stack(f"top@a.py {word}@a.py main@a.py", word[0]) for word in WORDS),
]


def drained(plan: str) -> MemoryCluster:
    """Return a broker whose events the stage has placed, its commits failing as planned."""
    cluster = MemoryCluster()
    for topic in ("events.novel", "actions", "events.grouped", "groups", "frames", "signals"):
        cluster.topic(topic, PARTITIONS)
    cluster.topic("dead-letters")
    records = [a_novel_record(a_novel(key, n), n) for n, key in enumerate(KEYS * 2)]
    records += [a_mark_record({0: 900, 1: 800}, partition) for partition in range(PARTITIONS)]
    records.append(a_novel_record(a_novel(KEYS[0]), partition=0))
    publish(
        cluster.broker,
        [Sent(r.topic, r.value, partition=r.partition, headers=r.headers) for r in records],
    )
    make = partial(
        GroupStage, settings=GroupSettings(), window_s=60, partitions=PARTITIONS, n_raw=2
    )
    worker = Worker(
        BY_NAME["group"],
        0,
        make,
        Flaky(cluster.broker, plan),
        cluster.clock,
        LoopSettings(max_records=5, poll_s=0.01),
    )
    until(lambda: worker.turn().outcome == "idle" and worker.ready())
    acts = [(home_of(KEYS[0]), an_action(Resolve, KEYS[:1])), (0, an_action(Reopen, KEYS[:1], 2))]
    acts += [(home_of(KEYS[-1]), a_merge(KEYS[-1:], KEYS[0], 3))]
    acts *= 2
    publish(
        cluster.broker,
        [Sent("actions", msgspec.json.encode(action), partition=p) for p, action in acts],
    )
    until(lambda: worker.turn().outcome == "idle")
    late = [a_novel_record(a_novel(key, ts=AT + timedelta(days=1))) for key in KEYS]
    publish(cluster.broker, [Sent(r.topic, r.value, partition=r.partition) for r in late])
    until(lambda: worker.turn().outcome == "idle")
    worker.close()
    return cluster


def written(cluster: MemoryCluster, topic: str) -> list[tuple[int, bytes | None, bytes | None]]:
    """Return what stands on a topic, each partition in its order."""
    records = everything(cluster.broker, topic)
    return [(r.partition, r.key, r.value) for r in sorted(records, key=lambda r: r.partition)]


def counted(cluster: MemoryCluster) -> tuple[dict[str, int], dict[int, list[int]], dict[int, int]]:
    """Return events per group, the records that frames cover, and the watermarks they reach.

    Records are numbered per partition: what is passed on takes offsets with its markers.
    """
    groups: dict[str, int] = {}
    offsets: dict[int, list[int]] = {}
    watermarks: dict[int, int] = {}
    for record in everything(cluster.broker, "frames"):
        frame = decode(record.value)
        for row in frame.rows:
            assert isinstance(row, GroupRow)
            groups[row.group_id] = groups.get(row.group_id, 0) + row.n
        sources: Sources = frame.sources if record.partition == 0 else {}
        for source, (first, last, watermark) in sources.items():
            offsets.setdefault(source, []).extend(range(first, last + 1))
            watermarks[source] = max(watermark, watermarks.get(source, 0))
    numbers: dict[int, list[int]] = {}
    for record in everything(cluster.broker, "events.novel"):
        numbers.setdefault(record.partition, []).append(record.offset)
    covered = {
        source: [numbers[source].index(at) for at in found if at in numbers[source]]
        for source, found in offsets.items()
    }
    return groups, covered, watermarks


@pytest.mark.parametrize("plan", ["a.", "l.", "aal."])
def test_an_abort_of_every_batch_leaves_equal_output(plan: str) -> None:
    """2.4 Aborted batches and lost answers change no row, no decision, no signal and no sum."""
    clean, flaky = drained("."), drained(plan)

    for topic in ("events.grouped", "groups", "signals", "dead-letters"):
        assert written(flaky, topic) == written(clean, topic), topic
    assert counted(flaky) == counted(clean)


def test_frames_cover_the_input_once() -> None:
    """Every record is in one frame of each partition, and each source is as far as its mark."""
    _, offsets, watermarks = counted(drained("a."))

    assert all(covered == list(range(len(covered))) for covered in offsets.values())
    # Whoever was merged into another owner's issue is passed on once.
    passed_on = 1
    assert sum(map(len, offsets.values())) == 3 * len(KEYS) + PARTITIONS + 1 + passed_on
    assert watermarks == dict.fromkeys(range(PARTITIONS), 800)


def test_what_is_misplaced_is_a_dead_letter() -> None:
    """An event or action of another owner is kept, with the reason, and costs nobody anything."""
    letters = everything(drained(".").broker, "dead-letters")

    assert Counter(letter.header("reason") for letter in letters) == {
        b"novel_misplaced": 1,
        b"action_refused": 2,
    }


def test_actions_are_folded_in_once() -> None:
    """X18 2.4 A resolved issue regresses once, and a merged one counts for another owner's."""
    cluster = drained("al.")
    signals = [
        msgspec.json.decode(record.value or b"", type=Signal)
        for record in everything(cluster.broker, "signals")
    ]
    groups, _, _ = counted(cluster)

    assert [s.group_id for s in signals if s.kind == "regressed"] == [fingerprint_of(KEYS[0])]
    assert sum(groups.values()) == 3 * len(KEYS)
