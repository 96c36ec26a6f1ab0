"""The stage: what one event leads to, and that nothing depends on where a batch ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frames.codec import decode
from pipeline.group.stage import GroupStage
from pipeline.model.frame import GroupRow
from pipeline.model.group import CanonicalKey
from pipeline.model.partition import partition_of
from pipeline.model.stage import Note, Output, Record, Sent, Source, Unreadable
from tests.build import AT, AT_MS
from tests.group.build import (
    PARTITIONS,
    a_client_key,
    a_mark_record,
    a_message,
    a_novel,
    a_novel_record,
    a_stack,
    a_stage,
    compacted,
    decisions,
    fingerprint_of,
    ids,
    issues,
    registered,
    rows,
    run,
    told,
)

FRUIT = ["apple", "banana", "cherry", "date", "elder", "fig", "grape"]
SIBLINGS = [a_message(f"cannot open the {word} file") for word in FRUIT]
KEYS = [
    *SIBLINGS,
    a_message("cannot open the other_file file"),
    a_message("timeout while calling backend_a of the shop"),
    a_message("timeout while calling backend_b of the shop"),
    a_stack("t@a.py a@a.py b@a.py c@a.py"),
    a_stack("t@a.py a@a.py b@a.py d@a.py"),
    a_stack("t@a.py x@a.py y@a.py z@a.py"),
    a_stack("t@a.py x@a.py b@a.py d@a.py"),
    a_client_key("checkout"),
    a_message("payment failed", error_type="PaymentError"),
    a_message("payment failed", service="auth"),
]


def frame_rows(stage: GroupStage, now: datetime = AT) -> list[GroupRow]:
    """Return the group rows of a tick."""
    found: list[GroupRow] = []
    for sent in stage.tick(now, ()):
        if isinstance(sent, Sent):
            found += [row for row in decode(sent.value).rows if isinstance(row, GroupRow)]
    return found


def watermarks(outputs: Sequence[Output]) -> list[dict[int, int]]:
    """Return each frame's watermarks."""
    return [
        {source: sums[2] for source, sums in decode(sent.value).sources.items()}
        for sent in outputs
        if isinstance(sent, Sent)
    ]


def test_a_new_event_leads_to_all_that_follows() -> None:
    """A founder gives the row, the decision, the issue and one signal."""
    key = a_message("payment failed")
    stage = a_stage()
    outputs = run(stage, [key], release="1.2", culprit="pay.py")
    home = partition_of(PARTITIONS, "shop", "Error")
    by_topic = {
        sent.topic + (sent.key or b"").decode()[:2]: sent
        for sent in outputs
        if isinstance(sent, Sent) and sent.topic == "groups"
    }
    [issue], [decision], [signal], [row] = (
        issues(registered(outputs)),
        decisions(registered(outputs)),
        told(outputs),
        rows(outputs),
    )

    assert {name: sent.partition for name, sent in by_topic.items()} == {
        "groupsi|": home,
        "groupsd|": home,
    }
    assert (issue.title, issue.first_seen, issue.first_release, issue.version) == (
        "payment failed",
        AT,
        "1.2",
        1,
    )
    assert (decision.how, decision.seq, decision.group_id) == ("founder", 1, fingerprint_of(key))
    assert (signal.kind, signal.group_id, signal.at) == ("new", fingerprint_of(key), AT)
    assert (row.group_how, row.group_id) == ("founder", fingerprint_of(key))


def test_the_row_goes_by_its_group_and_the_signal_by_its_series() -> None:
    """Keys and partitions are what readers of the topics rely on."""
    outputs = run(a_stage(), [a_message("payment failed")])
    sent = {out.topic: out for out in outputs if isinstance(out, Sent)}

    assert sent["events.grouped"].key == ids(outputs)[0].encode()
    assert sent["events.grouped"].partition is None
    assert sent["signals"].partition == partition_of(PARTITIONS, "shop", "production")
    assert (sent["events.grouped"].value or b"").endswith(b"}")


def test_a_burst_of_one_key_is_one_group() -> None:
    """500 events of a new key in one batch: one group, one decision, one signal."""
    stage = a_stage()
    outputs = run(stage, [a_message("payment failed")] * 500)

    assert len(set(ids(outputs))) == 1
    assert len(registered(outputs)) == 2
    assert len(told(outputs)) == 1
    assert [(row.n, len(row.users)) for row in frame_rows(stage)] == [(500, 499)]


def test_a_followers_row_carries_the_group_not_its_own() -> None:
    """5.6 5.9 A similar event's row names the group, the score and the guard."""
    keys = KEYS[8:10]
    outputs = run(a_stage(), keys)
    row = rows(outputs)[1]

    assert (row.group_id, row.fingerprint) == tuple(map(fingerprint_of, keys))
    assert (row.group_how, row.group_guard) == ("similar", "passed")
    assert row.group_score > 0.92
    assert len(told(outputs)) == 1


def test_promotion_merges_the_others() -> None:
    """X15 The fifth sibling joins the oldest; the three others say so, and their signals too."""
    outputs = run(a_stage(), SIBLINGS[:5])
    oldest, *others = map(fingerprint_of, SIBLINGS[:4])
    merged = [issue for issue in issues(registered(outputs)) if issue.merged_into]
    news = told(outputs)

    assert ids(outputs)[4] == oldest
    assert [(m.group_id, m.merged_into, m.status, m.version) for m in merged] == [
        (other, oldest, "merged", 2) for other in others
    ]
    assert [(s.group_id, s.merged_into) for s in news[4:]] == [(other, oldest) for other in others]
    assert [s.signal_id for s in news[4:]] == [s.signal_id for s in news[1:4]]
    assert {s.partition for s in outputs if isinstance(s, Sent) and s.topic == "signals"} == {
        partition_of(PARTITIONS, "shop", "production")
    }


def test_after_a_merge_the_old_keys_get_the_oldest_id() -> None:
    """A repeated miss of a merged group is answered with the group that stands for it."""
    stage = a_stage()
    run(stage, SIBLINGS[:5])

    assert set(ids(run(stage, SIBLINGS, start=5))) == {fingerprint_of(SIBLINGS[0])}


@pytest.mark.parametrize("restart", [False, True])
def test_a_merge_of_merges_names_the_root(*, restart: bool) -> None:
    """Who was merged into a group that is merged itself points at the new root at once."""
    stage = a_stage(siblings=3)
    family = [a_message(f"cannot open the {word} file") for word in FRUIT[:3]]
    older = [a_message(f"cannot read the {FRUIT[0]} {word}") for word in ("map", "file")]
    outputs = run(stage, [*older, *family])
    if restart:
        stage = a_stage(compacted(registered(outputs)), siblings=3)
    outputs += run(stage, [a_message("cannot close the apple file")])
    last = {issue.group_id: issue for issue in issues(registered(outputs))}

    assert {issue.merged_into for issue in last.values()} == {"", fingerprint_of(older[1])}
    assert last[fingerprint_of(family[1])].merged_into == fingerprint_of(older[1])


def test_a_follower_may_complete_a_wildcard() -> None:
    """Its decision names the group it joined, which is merged in the same breath."""
    keys = [
        a_message("cannot open the apple of my_file_b"),
        a_message("cannot open the banana of my_file_b"),
        a_message("cannot open the cherry of my_file_a"),
        a_message("cannot open the cherry of my_file_b"),
    ]
    outputs = run(a_stage(siblings=3), keys)
    decision = decisions(registered(outputs))[-1]

    assert (decision.how, decision.wildcards) == ("similar", [3])
    assert (decision.group_id, decision.merged_into) == (
        fingerprint_of(keys[2]),
        fingerprint_of(keys[0]),
    )
    assert ids(outputs)[-1] == fingerprint_of(keys[0])


def test_a_group_row_is_counted_for_the_group() -> None:
    """The share of frames names the group that was decided, with its title."""
    stage = a_stage()
    run(stage, KEYS[8:10])

    [row] = frame_rows(stage)

    assert (row.group_id, row.title, row.n) == (
        fingerprint_of(KEYS[8]),
        "timeout while calling backend_a of the shop",
        2,
    )
    assert (row.min_ts, row.max_ts, row.event_id) == (AT_MS, AT_MS + 1, f"{1:032x}")


def test_a_resolved_issue_comes_back() -> None:
    """X18 An event after the resolve reopens the issue, tells so once, and starts an episode."""
    stage = a_stage()
    key = a_message("payment failed")
    [issue] = issues(registered(run(stage, [key])))
    resolved = msgspec.structs.replace(
        issue, status="resolved", updated_at=AT + timedelta(hours=1), updated_by="ada", version=2
    )
    record = Record(
        "groups", 0, 9, AT_MS, f"i|{issue.group_id}".encode(), msgspec.json.encode(resolved)
    )
    home = registered(run(a_stage(), [key]))
    stage = a_stage([*home, msgspec.structs.replace(record, partition=home[0].partition)])
    before = run(stage, [key], start=1)
    late = AT + timedelta(hours=2)
    after = run(stage, [key, key], start=2, ts=late)
    [reopened] = issues(registered(after))

    assert told(before) == []
    assert [signal.kind for signal in told(after)] == ["regressed"]
    assert (reopened.status, reopened.version, reopened.episode_started_at) == ("open", 3, late)


@pytest.mark.parametrize(("part", "n_rows", "n"), [("whole", 1, 1), ("count", 0, 1), ("row", 1, 0)])
def test_a_part_of_an_event(part: Literal["whole", "count", "row"], n_rows: int, n: int) -> None:
    """N8 In a flood an event is counted without a row, and the row of a counted one comes later."""
    stage = a_stage()
    key = a_message("payment failed")
    run(stage, [key])
    frame_rows(stage)
    novel = msgspec.structs.replace(a_novel(key, 1), part=part)
    outputs = list(stage.feed(a_novel_record(novel, 1), AT))

    assert len(rows(outputs)) == n_rows
    assert sum(row.n for row in frame_rows(stage)) == n


def test_a_mark_moves_the_frames() -> None:
    """The source's watermark is the slowest raw partition, told to every partition of frames."""
    stage = a_stage()
    for record in (a_mark_record({0: 500}, 2), a_mark_record({1: 300, 0: 400}, 2, 1)):
        assert list(stage.feed(record, AT)) == []

    assert watermarks(list(stage.tick(AT, ()))) == [{2: 300}] * PARTITIONS


def test_without_marks_nothing_is_known() -> None:
    """An event alone moves no clock, and a silent partition tells nothing by itself."""
    stage = a_stage()
    run(stage, [a_message("payment failed")])
    home = partition_of(PARTITIONS, "shop", "Error")
    caught_up = {Source("events.novel", partition) for partition in range(PARTITIONS)}

    assert (
        watermarks([o for o in stage.tick(AT, caught_up) if isinstance(o, Sent)])
        == [{home: 0}] * PARTITIONS
    )
    assert list(stage.tick(AT + timedelta(hours=1), caught_up)) == []


def test_decisions_are_counted() -> None:
    """Each way of deciding is a note of the batch."""
    stage = a_stage()
    run(stage, [*SIBLINGS[:5], SIBLINGS[0]])
    notes = [note for note in stage.tick(AT, ()) if isinstance(note, Note)]

    assert {note.labels["how"]: note.n for note in notes} == {
        "founder": 4,
        "wildcard": 1,
        "exact": 1,
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "novel_broken"), (b"{", "novel_broken"), (b'{"key": []}', "novel_broken")],
)
def test_a_broken_event_is_unreadable(value: bytes | None, reason: str) -> None:
    """What is no event of process is refused, and its offset is told nevertheless."""
    stage = a_stage()
    with pytest.raises(Unreadable) as caught:
        stage.feed(Record("events.novel", 1, 7, AT_MS, None, value), AT)
    [first, *_] = [decode(sent.value) for sent in stage.tick(AT, ()) if isinstance(sent, Sent)]

    assert caught.value.reason == reason
    assert first.sources == {1: (7, 7, 0)}


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"ts": datetime(2026, 1, 1)}, "time zone"), ({}, "belongs to partition")],  # noqa: DTZ001
)
def test_an_event_that_cannot_be_placed_is_unreadable(fields: dict[str, Any], text: str) -> None:
    """A row without a time zone, or an event of another owner, is refused with what to do."""
    key = a_message("payment failed")
    home = partition_of(PARTITIONS, "shop", "Error")
    partition = home if fields else (home + 1) % PARTITIONS

    with pytest.raises(Unreadable, match=text):
        a_stage().feed(a_novel_record(a_novel(key, **fields), 0, partition), AT)


def test_an_unreadable_record_of_the_registry_is_told() -> None:
    """A broken record costs its own decision only, and somebody hears of it."""
    good = registered(run(a_stage(), KEYS[:1]))
    broken = msgspec.structs.replace(good[0], key=b"d|broken", value=b"{}")
    stage = a_stage([broken, *good])
    notes = [note for note in stage.tick(AT, ()) if isinstance(note, Note)]

    assert [(note.name, note.level) for note in notes] == [("state_unreadable", "error")]
    assert "d|broken" in str(notes[0].log["problem"])
    assert rows(run(stage, KEYS[:1]))[0].group_how == "exact"


def test_only_owned_partitions_are_recalled() -> None:
    """Another owner's decisions are none of ours."""
    records = registered(run(a_stage(), KEYS[:1]))
    foreign = [
        msgspec.structs.replace(r, partition=(r.partition + 1) % PARTITIONS) for r in records
    ]
    stage = GroupStage(settings=a_stage()._settings, window_s=60, partitions=PARTITIONS, n_raw=1)
    for record in foreign:
        stage.recall(record)
    stage.assign({Source("events.novel", records[0].partition): 0})

    assert rows(run(stage, KEYS[:1]))[0].group_how == "founder"


def test_a_tombstone_removes_a_decision() -> None:
    """A deleted record is forgotten, and the key founds its group again under the same id."""
    records = registered(run(a_stage(), KEYS[:1]))
    gone = [msgspec.structs.replace(record, value=None) for record in records]
    outputs = run(a_stage([*records, *gone]), KEYS[:1])

    assert rows(outputs)[0].group_how == "founder"
    assert ids(outputs) == [fingerprint_of(KEYS[0])]


@settings(deadline=None)
@given(st.lists(st.sampled_from(KEYS), max_size=40), st.integers(0, 40), st.integers(0, 12))
def test_a_restart_anywhere_changes_nothing(
    keys: list[CanonicalKey], split: int, redelivered: int
) -> None:
    """5.8 Recalling what was written so far, compacted, gives the ids of the uninterrupted run."""
    again = keys[max(0, split - redelivered) : split]
    steady = a_stage(siblings=3)
    first = run(steady, keys[:split])
    restarted = a_stage(compacted(registered(first)), siblings=3)
    rest = keys[split:]

    assert run(restarted, again) == run(steady, again)
    assert run(restarted, rest, start=split) == run(steady, rest, start=split)


@settings(deadline=None)
@given(st.lists(st.sampled_from(KEYS), max_size=30))
def test_an_abort_of_every_batch_changes_nothing(keys: list[CanonicalKey]) -> None:
    """5.8 A stage thrown away after each event, its output lost, and built anew repeats itself."""
    kept: list[Output] = []
    for n, key in enumerate(keys):
        lost = run(a_stage(compacted(registered(kept)), siblings=3), [key], start=n)
        done = run(a_stage(compacted(registered(kept)), siblings=3), [key], start=n)
        assert lost == done
        kept += done

    assert kept == run(a_stage(siblings=3), keys)


def test_two_hundred_redelivered_events_keep_their_ids() -> None:
    """5.8 A restart in the middle with 200 events delivered again gives identical ids."""
    words = [f"{a}{b}" for a in FRUIT for b in FRUIT]
    keys = [a_message(f"cannot {w} the {v} file of_{w}") for w in words[:20] for v in words]
    keys += [a_stack(f"{w}@a.py {v}@a.py c@a.py d@a.py") for w in words[:20] for v in words]
    whole = ids(run(a_stage(), keys))
    half = len(keys) // 2
    stage = a_stage(compacted(registered(run(a_stage(), keys[:half]))))
    again = ids(run(stage, keys[half - 200 : half]))
    rest = ids(run(stage, keys[half:], start=half))

    assert rest == whole[half:]
    assert len(again) == 200
