"""An engine that is killed anywhere goes on as if nothing had happened."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipeline.model.frame import Frame, GroupRow, OutcomeRow, Row, ServiceRow
from pipeline.model.stage import Record
from pipeline.model.window import GroupWindow, OutcomeWindow, ServiceWindow, WindowRecord
from tests.aggregate.build import (
    W_MS,
    Run,
    a_frame,
    a_group,
    a_service,
    an_outcome,
    at,
    records,
)

NO_SHRINK = (Phase.explicit, Phase.reuse, Phase.generate)  # a seed does not shrink
Ledger = Counter[tuple[str, int]]


def a_log(seed: int, length: int = 60) -> list[Frame]:
    """Return frames of two raw sources and one novel source, with late rows and silence in them."""
    random = Random(seed)
    marks = [0.5, 0.5, 0.5]
    next_offset = [0, 0, 0]
    frames = []
    for n in range(length):
        source = random.choice((0, 0, 1, 2)) if n % 29 < 20 else 0
        marks[source] += random.random() * 0.8
        minute = max(0.0, marks[source] - random.choice((0, 0, 0.3, 1, 4)))
        first = next_offset[source]
        next_offset[source] += (count := random.randrange(3))
        covered = (first, first + count - 1, at(marks[source]))
        rows: list[Row] = [
            a_group(minute, n=random.randrange(1, 5), group_id=random.choice("ab") * 16)
        ]
        if source == 2:
            frames.append(Frame(1, "group", 1, {0: covered}, rows))
            continue
        service = a_service(minute, service=random.choice(("shop", "cart")), error=n + 1)
        facts: list[Row] = (
            [service, *rows, an_outcome(minute, n=2)] if random.random() < 0.8 else []
        )
        frames.append(Frame(1, "process", 2, {source: covered}, facts))
    return frames


def framed(frames: Sequence[Frame]) -> Ledger:
    """Return what the frames say, by kind and window."""
    sums: Ledger = Counter()
    for row in (row for frame in frames for row in frame.rows):
        if isinstance(row, ServiceRow):
            sums["errors", row.bucket_ms] += row.error
        elif isinstance(row, GroupRow):
            sums["group", row.bucket_ms] += row.n
        elif isinstance(row, OutcomeRow):
            sums["outcome", row.bucket_ms] += row.n
    return sums


def emitted(windows: Sequence[WindowRecord]) -> Ledger:
    """Return what the windows and their corrections say, by kind and window."""
    sums: Ledger = Counter()
    for window in windows:
        if isinstance(window, ServiceWindow) and window.events_error:
            sums["errors", int(window.window_start.timestamp() * 1000)] += window.events_error
        elif isinstance(window, GroupWindow):
            sums["group", int(window.window_start.timestamp() * 1000)] += window.n
        elif isinstance(window, OutcomeWindow):
            sums["outcome", int(window.row_id.split(":")[2]) * 1000] += window.quantity
    return sums


def whole(log: Sequence[Record]) -> list[WindowRecord]:
    """Return what an uninterrupted run makes of the log."""
    done = Run(partitions=2, idle_s=20, series_s=300)
    for record in log:
        done.batch([record])
    return done.windows


@settings(max_examples=150, deadline=None, phases=NO_SHRINK)
@given(seed=st.integers(0, 10_000), cuts=st.integers(0, 10_000))
def test_any_split_and_any_crash_gives_the_same_output(seed: int, cuts: int) -> None:
    """However the log is cut into batches and wherever the process dies, the output is equal."""
    log = records(a_log(seed), step_ms=3000)
    random = Random(cuts)
    done = Run(partitions=2, idle_s=20, series_s=300)
    position = done.committed
    while position < len(log):
        end = position + random.randrange(1, 9)
        crash = random.random() < 0.4
        done.batch(log[position:end], crash=crash)
        if crash or random.random() < 0.2:
            done.restart()
            position = done.committed
        else:
            position = min(end, len(log))

    assert whole(log) == done.windows


@settings(max_examples=100, deadline=None, phases=NO_SHRINK)
@given(seed=st.integers(0, 10_000))
def test_every_row_is_counted_in_exactly_its_window(seed: int) -> None:
    """Windows and corrections together hold each row once, in the window of its time."""
    frames = a_log(seed)
    end = max(row.bucket_ms for frame in frames for row in frame.rows) + 10 * W_MS
    minutes = (end - at(0)) / W_MS
    closing = [a_frame(raw=[minutes, minutes]), a_frame(novel=minutes)]
    windows = whole(records([*frames, *closing], step_ms=3000))

    assert framed(frames) == emitted(windows)
    assert [record.number for record in windows] == list(range(1, len(windows) + 1))


@settings(max_examples=100, deadline=None, phases=NO_SHRINK)
@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_change_closed_windows(seed: int, order: Random) -> None:
    """Frames that arrive before their windows close may come in any order."""
    rows = [row for frame in a_log(seed, 12) for row in frame.rows if row.bucket_ms >= at(0)]
    end = max(row.bucket_ms for row in rows) // W_MS + 3
    minutes = end - at(0) / W_MS
    shuffled = [*rows]
    order.shuffle(shuffled)
    closing = [a_frame(raw=minutes), a_frame(novel=minutes)]

    def windows(sequence: Sequence[Row]) -> list[WindowRecord]:
        done = Run()
        done.batch(records([*(a_frame(row, raw=0.5) for row in sequence), *closing]))
        return done.windows

    assert windows(rows) == windows(shuffled)


def test_a_crash_of_every_single_batch_leaves_equal_output() -> None:
    """An abort rolls back Kafka, not Python: the stage is built anew and nothing shows it."""
    log = records(a_log(7), step_ms=3000)
    done = Run(partitions=2, idle_s=20, series_s=300)
    position = 0
    while position < len(log):
        done.batch(log[position : position + 3], crash=True)
        again = done.committed
        done.batch(log[again : position + 3])
        position += 3

    assert whole(log) == done.windows
