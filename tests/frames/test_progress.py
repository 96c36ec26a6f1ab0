"""Watermarks, heartbeats and marks."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.frames.progress import Progress, clamp, is_mark, read_mark
from pipeline.model.novel import Mark
from pipeline.model.stage import Unreadable
from tests.build import a_record

NOW = 1_000_000


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1))
def test_a_watermark_never_goes_back(times: list[int]) -> None:
    """The watermark is the largest time seen, in whatever order times come."""
    progress = Progress(5)
    seen = []
    for offset, time in enumerate(times):
        progress.read(0, offset, time)
        seen.append(progress.take(NOW, [])[0])

    assert seen == [(i, i, max(times[: i + 1])) for i in range(len(times))]


def test_offsets_cover_what_was_read() -> None:
    """First and last offset span the batch, also for records without an event time."""
    progress = Progress(5)
    for offset in (7, 8, 11):
        progress.read(2, offset)

    assert progress.take(NOW, []) == {2: (7, 11, 0)}
    assert progress.take(NOW, []) == {}


def test_reading_a_record_twice_counts_once() -> None:
    """The offset is noted before decoding, the watermark after it."""
    progress = Progress(5)
    progress.read(0, 4)
    progress.read(0, 4, 500)

    assert progress.take(NOW, []) == {0: (4, 4, 500)}


def test_a_silent_source_beats() -> None:
    """A source read to its end moves to ten seconds ago, every five seconds."""
    progress = Progress(5)
    told = {}
    for second in range(0, 12, 2):
        now = NOW + second * 1000
        told.update({second: progress.take(now, progress.beat(now, {0}))})

    assert {second: sources for second, sources in told.items() if sources} == {
        0: {0: (0, -1, NOW - 10_000)},
        6: {0: (0, -1, NOW - 4_000)},
    }


def test_a_heartbeat_never_goes_back() -> None:
    """A source whose newest event is younger than ten seconds keeps its watermark."""
    progress = Progress(5)
    progress.read(0, 0, NOW)
    progress.take(NOW, [])

    assert progress.take(NOW, progress.beat(NOW + 5000, {0})) == {0: (1, 0, NOW)}


def test_a_source_that_was_read_does_not_beat() -> None:
    """Its events tell how far it is: the time of the machine is no evidence while data flows."""
    progress = Progress(5)
    progress.read(0, 0, 300)

    assert progress.beat(NOW, {0}) == []


def test_a_source_that_lags_does_not_beat() -> None:
    """Only silence at the end of a partition means that time went by."""
    progress = Progress(5)
    progress.read(0, 0, 300)
    progress.take(NOW, [])

    assert progress.take(NOW + 60_000, progress.beat(NOW + 60_000, ())) == {}


def test_marks_go_to_every_partition() -> None:
    """Each partition of events.novel gets the watermarks of all raw partitions."""
    progress = Progress(5)
    progress.read(0, 0, 300)
    progress.read(3, 0, 200)

    sent = progress.marks(NOW, partitions=4)

    assert [message.partition for message in sent] == [0, 1, 2, 3]
    assert {message.topic for message in sent} == {"events.novel"}
    assert read_mark(sent[0].value) == Mark(watermarks={0: 300, 3: 200})
    assert is_mark(a_record(sent[0].value, headers=sent[0].headers))


def test_marks_come_once_a_second_and_only_with_news() -> None:
    """Marks wait for a second, and for a watermark that moved."""
    progress = Progress(5)
    progress.read(0, 0, 300)
    first = progress.marks(NOW, 1)
    unchanged = progress.marks(NOW + 2000, 1)
    progress.read(0, 1, 400)
    later = progress.marks(NOW + 3000, 1)
    progress.read(0, 2, 500)
    too_soon = progress.marks(NOW + 3999, 1)

    assert [bool(sent) for sent in (first, unchanged, later, too_soon)] == [
        True,
        False,
        True,
        False,
    ]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 100)), max_size=30))
def test_a_source_is_as_far_as_the_slowest_before_it(marks: list[tuple[int, int]]) -> None:
    """The watermark is the minimum over all raw partitions, 0 while one is unheard of."""
    progress = Progress(5)
    best = dict.fromkeys(range(3), 0)
    progress.read(1, 0)
    for raw, watermark in marks:
        progress.pass_on(1, Mark(watermarks={raw: watermark}), n_raw=3)
        best[raw] = max(best[raw], watermark)

    assert progress.take(NOW, [])[1] == (0, 0, min(best.values()))


def test_a_broken_mark_is_unreadable() -> None:
    """A mark that is no mark is refused."""
    with pytest.raises(Unreadable, match="not a mark"):
        read_mark(msgspec.json.encode({"watermarks": [1]}))


def test_event_time_is_clamped() -> None:
    """Times beyond both limits count at the limit."""
    limits = {"past_ms": 1000, "future_ms": 300}

    assert [clamp(t, 5000, **limits) for t in (0, 4500, 9999)] == [4000, 4500, 5300]
