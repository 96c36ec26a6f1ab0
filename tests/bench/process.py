"""What one event costs in ``process``: CPU of the stage alone, without Kafka.

    python -m tests.bench.process [--events 20000]

The mix of ``events.py`` (2 KB, half with stacks, 500 known groups), the same event again and again,
and events of unknown groups; beside them the share of scrubbing, and the hostile 8 KB that cost
most. The best of batches of 1,000 counts, since other processes only ever make a batch slower.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence

import msgspec
import orjson

from pipeline.group.settings import GroupSettings
from pipeline.group.stage import GroupStage
from pipeline.model.stage import Record, Sent, Source
from pipeline.process.settings import ProcessSettings
from pipeline.process.stage import ProcessStage
from pipeline.scrub.gate import plan_of
from pipeline.scrub.walk import Scrubber
from tests.bench.events import events
from tests.build import AT, AT_MS
from tests.process.build import an_event
from tests.process.test_hostile import PIECES, cpu_of, fed_afresh, pumped

PARTITIONS = 4
BATCH = 1000


def records(values: Iterable[bytes]) -> list[Record]:
    """Return events as they come from Kafka."""
    return [
        Record("events.raw", n % PARTITIONS, n // PARTITIONS, AT_MS + n, None, value)
        for n, value in enumerate(values)
    ]


def said(stage: ProcessStage, batch: Sequence[Record]) -> list[Sent]:
    """Feed a batch and end it."""
    outputs = [output for record in batch for output in stage.feed(record, AT)]
    outputs += stage.tick(AT, ())
    return [output for output in outputs if isinstance(output, Sent)]


def taught(values: Iterable[bytes]) -> ProcessStage:
    """Return a stage that knows the groups of these events."""
    stage = ProcessStage(settings=ProcessSettings(), window_s=60, partitions=PARTITIONS)
    group = GroupStage(
        settings=GroupSettings(), window_s=60, partitions=PARTITIONS, n_raw=PARTITIONS
    )
    group.assign({Source("events.novel", p): 0 for p in range(PARTITIONS)})
    for n, sent in enumerate(said(stage, records(values))):
        if sent.topic != "events.novel" or sent.headers:
            continue
        novel = Record(sent.topic, sent.partition or 0, n, AT_MS, sent.key, sent.value)
        for answer in group.feed(novel, AT):
            if isinstance(answer, Sent) and answer.topic == "groups":
                stage.recall(Record("groups", 0, n, AT_MS, answer.key, answer.value))
    return stage


def best(work: Callable[[list[Record]], object], fed: list[Record]) -> float:
    """Return the least CPU per event of all batches, in microseconds."""
    found = []
    for start in range(0, len(fed) - BATCH + 1, BATCH):
        batch = fed[start : start + BATCH]
        began = time.process_time()
        work(batch)
        found.append((time.process_time() - began) / BATCH * 1e6)
    return min(found)


def scrubbed(batch: list[Record]) -> None:
    """Scrub as the stage does."""
    for record in batch:
        plan = plan_of(record.value or b"")
        if plan.keys or plan.values:
            Scrubber(plan).event(orjson.loads(record.value or b""))


def recalled(batch: list[Record]) -> None:
    """Recall a batch into a fresh stage."""
    stage = ProcessStage(settings=ProcessSettings(), window_s=60, partitions=PARTITIONS)
    for record in batch:
        stage.recall(record)


def main() -> None:
    """Print the costs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=20_000)
    count: int = parser.parse_args().events
    mix = [value for _, value in events(count)]
    stage = taught(value for _, value in events(6000, seed=99))
    one = [{**orjson.loads(mix[3]), "event_id": f"{n:032x}"} for n in range(count)]
    unknown = [
        orjson.dumps({"service": f"s{n % 7}", "message": f"could not find the {_word(n)} file"})
        for n in range(count)
    ]
    print(f"mean size                {sum(map(len, mix)) / len(mix):8.0f} B")
    repeats = [msgspec.json.encode(event) for event in one]
    for name, work, values in (
        ("known groups, mixed", lambda batch: said(stage, batch), mix),
        ("known group, repeats", lambda batch: said(stage, batch), repeats),
        ("unknown groups, to owner", lambda batch: said(stage, batch), unknown),
        ("scrubbing alone, mixed", scrubbed, mix),
        ("recalling an id, mixed", recalled, mix),
    ):
        print(f"{name:25}{best(work, records(values)):8.1f} us/event")
    cost, piece = max((hostile(piece), piece) for piece in PIECES)
    print(f"{'hostile message of 8 KB':25}{cost:8.1f} us/event, of {piece!r}")


def hostile(piece: str) -> float:
    """Return what a message of this piece costs a fresh stage, in microseconds."""
    raw = orjson.dumps(an_event(message=pumped(piece)))
    return cpu_of(lambda: fed_afresh(raw)) * 1e6


def _word(number: int) -> str:
    """Return a word of letters for a number."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number)) + "x"


if __name__ == "__main__":
    main()
