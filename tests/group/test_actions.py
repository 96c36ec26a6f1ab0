"""What people do to issues: each action, its undo, and what it means for later events."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.group.actions import standing_of
from pipeline.group.release import is_same_or_later
from pipeline.group.stage import GroupStage
from pipeline.model.action import Action, Assign, Ignore, Reopen, Resolve, Undo, Unmerge
from pipeline.model.group import CanonicalKey
from pipeline.model.stage import Output, Record, Sent, Unreadable
from pipeline.process.known import Known
from tests.build import AT, AT_MS
from tests.group.build import (
    a_merge,
    a_message,
    a_stage,
    act,
    again,
    an_action,
    fingerprint_of,
    home_of,
    ids,
    issues,
    registered,
    rows,
    run,
    told,
)

ONE = a_message("payment failed")
TWO = a_message("payment refused by_bank after the retry")
LIKE_TWO = a_message("payment refused by-bank after the retry")
THREE = a_message("payment lost")
OTHER = a_message("cart lost", error_type="TypeError")
LATER = AT + timedelta(days=1)

# Each action on TWO beside ONE, and what then differs from the state before.
KINDS: list[tuple[Action, dict[str, Any]]] = [
    (a_merge([TWO], ONE), {"status": "merged", "merged_into": fingerprint_of(ONE)}),
    (
        a_merge([TWO], OTHER),
        {
            "status": "merged",
            "merged_into": fingerprint_of(OTHER),
            "root_service": "shop",
            "root_type": "TypeError",
        },
    ),
    (
        an_action(Resolve, [TWO]),
        {"status": "resolved", "resolved_at": AT + timedelta(hours=1)},
    ),
    (
        an_action(Resolve, [TWO], release="1.2"),
        {
            "status": "resolved",
            "resolved_at": AT + timedelta(hours=1),
            "resolved_in_release": "1.2",
        },
    ),
    (an_action(Ignore, [TWO]), {"status": "ignored"}),
    (an_action(Ignore, [TWO], events=3), {"status": "ignored", "ignored_until": "3 events"}),
    (an_action(Ignore, [TWO], users=2), {"status": "ignored", "ignored_until": "2 users"}),
    (
        an_action(Ignore, [TWO], until=LATER),
        {"status": "ignored", "ignored_until": "2026-11-25T12:00:00.000+00:00"},
    ),
    (an_action(Assign, [TWO], assignee="grace"), {"assignee": "grace"}),
]
BY_KIND = pytest.mark.parametrize(
    ("action", "differs"), KINDS, ids=[f"{n}-{type(a).__name__}" for n, (a, _) in enumerate(KINDS)]
)


def two_issues() -> tuple[GroupStage, list[Output]]:
    """Return a stage that knows ONE and TWO, and what it wrote."""
    stage = a_stage()
    return stage, run(stage, [ONE, TWO])


def undo(action: Action, n: int = 2) -> Undo:
    """Return the undo of an action."""
    undone: Undo = an_action(Undo, [], n, undone=action.action_id)
    return undone


def refusal(stage: GroupStage, action: Action) -> str:
    """Return why an action was refused; nothing was changed by it."""
    with pytest.raises(Unreadable) as refused:
        act(stage, action)
    assert refused.value.reason == "action_refused"
    return str(refused.value)


@BY_KIND
def test_an_action_changes_what_it_says(action: Action, differs: dict[str, Any]) -> None:
    """X18 5.10 Each kind changes its own fields, with author and time, under the issue's key."""
    stage, written = two_issues()
    before = issues(registered(written))[-1]
    outputs = act(stage, action)
    [after] = issues(registered(outputs))

    assert after == msgspec.structs.replace(
        before, **differs, updated_at=action.at, updated_by="ada", version=2
    )
    assert rows(outputs) == []
    assert [record.key for record in registered(outputs)] == [
        f"i|{after.group_id}".encode(),
        f"a|{action.action_id}".encode(),
    ]


@pytest.mark.parametrize("restart", [False, True])
@BY_KIND
def test_an_action_is_undone(action: Action, differs: dict[str, Any], *, restart: bool) -> None:
    """X18 5.10 Undo leaves what stood before, with the author and the time of the undo."""
    stage, written = two_issues()
    before = issues(registered(written))[-1]
    written += act(stage, action)
    stage = again(written) if restart else stage
    [after] = issues(registered(act(stage, undo(action))))

    assert standing_of(after) == standing_of(before)
    assert differs
    assert (after.version, after.updated_at) == (3, AT + timedelta(hours=2))


@BY_KIND
def test_an_undo_is_undone(action: Action, differs: dict[str, Any]) -> None:
    """An undo is an action as any other."""
    stage, _ = two_issues()
    [done] = issues(registered(act(stage, action)))
    act(stage, undo(action))
    [redone] = issues(registered(act(stage, an_action(Undo, [], 3, undone=UUID(int=2)))))

    assert standing_of(redone) == standing_of(done)
    assert differs


@pytest.mark.parametrize("restart", [False, True])
def test_a_repeated_action_changes_nothing(*, restart: bool) -> None:
    """2.4 An action that comes again, after a restart too, is passed over."""
    stage, written = two_issues()
    resolve = an_action(Resolve, [TWO])
    written += act(stage, resolve) + act(stage, an_action(Reopen, [TWO], 2))
    stage = again(written) if restart else stage

    assert act(stage, resolve) == []


def test_an_undo_keeps_what_came_after() -> None:
    """Who is assigned stays assigned when a resolve before it is undone."""
    stage, _ = two_issues()
    resolve = an_action(Resolve, [TWO])
    act(stage, resolve)
    act(stage, an_action(Assign, [TWO], 2, assignee="grace"))
    [after] = issues(registered(act(stage, undo(resolve, 3))))

    assert (after.status, after.assignee) == ("open", "grace")


def test_a_merge_teaches_later_events() -> None:
    """N16 The merged key joins, and so does a new key that is like it."""
    stage, _ = two_issues()
    act(stage, a_merge([TWO], ONE))

    assert ids(run(stage, [TWO, LIKE_TWO], start=2)) == [fingerprint_of(ONE)] * 2


@pytest.mark.parametrize("back", [an_action(Unmerge, [TWO], 2), undo(a_merge([TWO], ONE))])
def test_an_unmerge_un_teaches(back: Action) -> None:
    """N16 Keys that were learnt through the merge go with the group that is one again."""
    stage, written = two_issues()
    written += act(stage, a_merge([TWO], ONE))
    written += run(stage, [LIKE_TWO], start=2)
    written += act(stage, back)
    known = Known()
    for record in registered(written):
        known.recall(record)
    found = known.find(fingerprint_of(LIKE_TWO))

    assert ids(run(stage, [TWO, LIKE_TWO], start=3)) == [fingerprint_of(TWO)] * 2
    assert found is not None
    assert found.group_id == fingerprint_of(TWO)


def test_what_the_pipeline_merged_is_taken_out_again() -> None:
    """A group that a wildcard swallowed stands for its own key again, for the owner and process."""
    words = ("apple", "banana", "cherry", "date", "elder")
    family = [a_message(f"cannot open the {word} file") for word in words]
    stage = a_stage()
    written = run(stage, family)
    written += act(stage, an_action(Unmerge, [family[1]]))
    known = Known()
    for record in registered(written):
        known.recall(record)
    found = known.find(fingerprint_of(family[1]))

    assert ids(run(stage, family[:3], start=5)) == [fingerprint_of(family[n]) for n in (0, 1, 0)]
    assert found is not None
    assert found.group_id == fingerprint_of(family[1])


def test_the_pipeline_leaves_alone_what_people_merged() -> None:
    """A wildcard that comes due merges the others; who was merged elsewhere stays there."""
    words = ("apple", "banana", "cherry", "date", "elder")
    family = [a_message(f"cannot open the {word} file") for word in words]
    stage = a_stage()
    run(stage, [ONE, *family[:4]])
    act(stage, a_merge([family[1]], ONE))
    merged = issues(registered(run(stage, family[4:], start=5)))

    assert [m.group_id for m in merged] == [fingerprint_of(family[n]) for n in (2, 3)]
    assert ids(run(stage, [family[1]], start=6)) == [fingerprint_of(ONE)]


def test_a_merge_takes_members_along_and_undo_brings_them_back() -> None:
    """A merged issue stands for others: they name the new root, and the old one after undo."""
    stage = a_stage()
    run(stage, [ONE, TWO, THREE])
    act(stage, a_merge([THREE], TWO))
    merge = a_merge([TWO], ONE, 2)
    merged = issues(registered(act(stage, merge)))
    back = issues(registered(act(stage, undo(merge, 3))))

    assert {m.merged_into for m in merged} == {fingerprint_of(ONE)}
    assert {b.group_id: b.merged_into for b in back} == {
        fingerprint_of(TWO): "",
        fingerprint_of(THREE): fingerprint_of(TWO),
    }


def test_a_merge_is_undone_after_its_root_was_merged_on() -> None:
    """Who was taken along into another root stands for itself again."""
    stage = a_stage()
    run(stage, [ONE, TWO, THREE])
    merge = a_merge([THREE], TWO)
    act(stage, merge)
    act(stage, a_merge([TWO], ONE, 2))
    act(stage, undo(merge, 3))

    assert ids(run(stage, [THREE, TWO], start=3)) == [fingerprint_of(THREE), fingerprint_of(ONE)]


def test_a_merge_tells_that_the_issue_never_was_a_new_one() -> None:
    """X15 The signal of the merged issue comes again with what it is part of."""
    stage, written = two_issues()
    [signal] = told(act(stage, a_merge([TWO], ONE)))

    assert signal.merged_into == fingerprint_of(ONE)
    assert signal.signal_id == told(written)[1].signal_id


def passed_on(outputs: Sequence[Output]) -> list[Record]:
    """Return the events that go to another owner, as that one reads them."""
    return [
        Record(sent.topic, sent.partition or 0, n, AT_MS, sent.key, sent.value, sent.headers)
        for n, sent in enumerate(outputs)
        if isinstance(sent, Sent) and sent.topic == "events.novel"
    ]


def test_a_merge_across_owners() -> None:
    """5.10 Events of a group merged into another type's issue count there, and wake it."""
    stage, _ = two_issues()
    run(stage, [OTHER], start=2)
    act(stage, a_merge([TWO], OTHER))
    act(stage, an_action(Resolve, [OTHER], 2), home_of(OTHER))
    sent = run(stage, [TWO], start=3, ts=LATER)
    [record] = passed_on(sent)
    came = list(stage.feed(record, AT))
    [row] = rows(came)

    assert rows(sent) == []
    assert record.partition == home_of(OTHER) != home_of(TWO)
    assert (row.group_id, row.fingerprint) == (fingerprint_of(OTHER), fingerprint_of(TWO))
    assert [signal.kind for signal in told(came)] == ["regressed"]


def test_a_circle_across_owners_ends() -> None:
    """People who merge in a circle at the same moment do not keep an event going for ever."""
    stage, _ = two_issues()
    run(stage, [OTHER], start=2)
    act(stage, a_merge([TWO], OTHER))
    act(stage, a_merge([OTHER], TWO, 2, into_since=AT - timedelta(hours=1)), home_of(OTHER))
    waiting = passed_on(run(stage, [TWO], start=3))
    placed: list[Output] = []
    for _ in range(20):
        outputs = [o for record in waiting for o in stage.feed(record, AT)]
        placed += outputs
        waiting = passed_on(outputs)

    assert waiting == []
    assert len(rows(placed)) == 1


REFUSED: list[tuple[Action, str]] = [
    (an_action(Resolve, [THREE]), "no issue"),
    (an_action(Resolve, []), "no groups"),
    (an_action(Resolve, [TWO], project="other"), "no issue"),
    (an_action(Unmerge, [TWO]), "not merged"),
    (a_merge([ONE], TWO), "younger"),
    (a_merge([ONE], ONE), "already"),
    (a_merge([TWO], THREE), "no issue"),
    (a_merge([TWO], OTHER, into_since=LATER), "younger"),
    (an_action(Ignore, [TWO], events=3, users=2), "one thing"),
    (an_action(Ignore, [TWO], events=-1), "one thing"),
    (an_action(Ignore, [TWO], users=1001), "at most"),
    (an_action(Undo, [TWO], undone=UUID(int=9)), "no action"),
]


@pytest.mark.parametrize(("action", "text"), REFUSED)
def test_what_cannot_be_done_is_refused(action: Action, text: str) -> None:
    """2.9 An action that makes no sense is a dead letter that says what is wrong."""
    stage, written = two_issues()

    assert text in refusal(stage, action)
    assert run(stage, [ONE, TWO], start=2) == run(again(written), [ONE, TWO], start=2)


def test_all_groups_of_an_action_or_none() -> None:
    """One group that is not there leaves the others as they are."""
    stage, _ = two_issues()

    assert "no issue" in refusal(stage, an_action(Resolve, [ONE, THREE]))
    assert told(run(stage, [ONE], start=2, ts=LATER)) == []


def test_a_part_is_not_acted_upon() -> None:
    """Who acts on a merged issue is told which one stands for it."""
    stage, _ = two_issues()
    act(stage, a_merge([TWO], ONE))

    assert fingerprint_of(ONE) in refusal(stage, an_action(Resolve, [TWO], 2))


def test_an_undo_of_what_shows_no_more_is_refused() -> None:
    """A resolve that a regression has ended cannot be undone."""
    stage, _ = two_issues()
    resolve = an_action(Resolve, [TWO])
    act(stage, resolve)
    run(stage, [TWO], start=2, ts=LATER)

    assert "nothing of it shows" in refusal(stage, undo(resolve))


@pytest.mark.parametrize(
    "value",
    [None, b"", b"{", b"[]", b'{"kind":"delete"}', b'{"kind":"resolve"}', b'{"target_type":7}'],
)
def test_a_broken_action_is_unreadable(value: bytes | None) -> None:
    """R8 What is no action is refused, and moves no clock of the events."""
    stage = a_stage()
    with pytest.raises(Unreadable) as refused:
        stage.feed(Record("actions", 1, 7, AT_MS, None, value), AT)

    assert refused.value.reason == "action_broken"
    assert list(stage.tick(AT, ())) == []


def test_an_action_on_something_else_is_for_others() -> None:
    """The topic also carries what people do to alerts."""
    value = b'{"kind":"acknowledge","target_type":"alert","alert_id":"x"}'

    assert list(a_stage().feed(Record("actions", 0, 0, AT_MS, None, value), AT)) == []


RELEASES: list[tuple[str, str, bool]] = [
    ("1.2", "1.2", True),
    ("1.2.0", "1.2", True),
    ("1.10", "1.9", True),
    ("v2", "1.9.9", True),
    ("1.1.9", "1.2", False),
    ("1.2-rc1", "1.2", False),
    ("1.2", "1.2-rc1", True),
    ("1.2-rc10", "1.2-rc9", True),
    ("1.2+build7", "1.2", True),
    ("shop@2026.11.3", "shop@2026.11.2", True),
    ("cart@2026.11.3", "shop@2026.11.2", False),
    ("8f3ac01", "8f3ac01", True),
    ("c01d8f3", "8f3ac01", False),
    ("", "1.2", False),
]


@pytest.mark.parametrize(("release", "than", "answer"), RELEASES)
def test_the_later_release(release: str, than: str, *, answer: bool) -> None:
    """Releases are ordered by their numbers, and names without an order are only equal."""
    assert is_same_or_later(release, than) is answer


@pytest.mark.parametrize(
    ("release", "ts", "kinds"),
    [
        ("1.1", LATER, []),
        ("1.2", LATER, ["regressed"]),
        ("1.3", LATER, ["regressed"]),
        ("1.3", AT + timedelta(minutes=59), []),
        ("", LATER, []),
    ],
)
def test_resolved_in_a_release(release: str, ts: Any, kinds: list[str]) -> None:
    """X18 An event of that release or a later one regresses the issue, an older one's does not."""
    stage, _ = two_issues()
    act(stage, an_action(Resolve, [TWO], release="1.2"))

    assert [s.kind for s in told(run(stage, [TWO], start=2, ts=ts, release=release))] == kinds


def test_assigning_a_resolved_issue_moves_no_limit() -> None:
    """An event between the resolve and a later change of the issue regresses it."""
    stage, _ = two_issues()
    act(stage, an_action(Resolve, [TWO]))
    act(stage, an_action(Assign, [TWO], 5, assignee="grace"))

    [signal] = told(run(stage, [TWO], start=2, ts=AT + timedelta(hours=3)))

    assert signal.kind == "regressed"


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("limit", "users", "sizes"),
    [
        ({"events": 3}, [0, 0, 0, 0], [0, 0, 1, 0]),
        ({"users": 2}, [7, 7, 0, 8], [0, 0, 0, 1]),
        ({}, [1, 2, 3, 4], [0, 0, 0, 0]),
    ],
)
def test_ignored_until(
    limit: dict[str, int], users: list[int], sizes: list[int], *, restart: bool
) -> None:
    """X18 The event that reaches the limit escalates the issue, once, over restarts too."""
    stage, written = two_issues()
    written += act(stage, an_action(Ignore, [TWO], **limit))
    kinds: list[int] = []
    for user in users:
        outputs = run(stage, [TWO], start=user, ts=LATER)
        outputs += stage.tick(AT, ())
        kinds.append(sum(signal.kind == "escalating" for signal in told(outputs)))
        written += outputs
        stage = again(written) if restart else stage

    assert kinds == sizes
    assert {issue.group_id: issue.status for issue in issues(registered(written))}[
        fingerprint_of(TWO)
    ] == ("open" if limit else "ignored")


def test_ignored_until_a_time() -> None:
    """X18 The first event of that time or later escalates the issue, and says why."""
    stage, _ = two_issues()
    act(stage, an_action(Ignore, [TWO], until=LATER))
    before = run(stage, [TWO], start=2, ts=LATER - timedelta(seconds=1))
    [signal] = told(run(stage, [TWO], start=3, ts=LATER))

    assert told(before) == []
    assert (signal.kind, signal.at) == ("escalating", LATER)
    assert "ignored until 2026-11-25T12:00" in signal.explanation


def test_a_new_limit_counts_from_nothing() -> None:
    """What was counted for a limit that was given up does not count for the next."""
    stage, written = two_issues()
    written += act(stage, an_action(Ignore, [TWO], events=3))
    written += run(stage, [TWO, TWO], start=2)
    written += act(stage, an_action(Reopen, [TWO], 2))
    written += stage.tick(AT, ())
    written += act(stage, an_action(Ignore, [TWO], 3, events=3))

    assert told(run(stage, [TWO, TWO], start=4)) == []
    assert told(run(again(written), [TWO, TWO], start=4)) == []


def test_actions_are_forgotten_after_a_month() -> None:
    """What retention took from `actions` cannot come again: the registry forgets it, too."""
    stage, written = two_issues()
    resolve = an_action(Resolve, [TWO])
    written += act(stage, resolve)
    written += stage.tick(AT + timedelta(days=29), ())
    gone = [o for o in stage.tick(AT + timedelta(days=31), ()) if isinstance(o, Sent)]

    assert [(sent.key, sent.value) for sent in gone] == [(f"a|{resolve.action_id}".encode(), None)]
    assert "remembered" in refusal(again([*written, *gone]), undo(resolve))


def counts(outputs: Sequence[Output], written: Sequence[Output]) -> Counter[str]:
    """Return the events of each issue, merges followed as readers do."""
    last = {issue.group_id: issue.merged_into for issue in issues(registered(written))}
    return Counter(last[row.group_id] or row.group_id for row in rows(outputs))


def test_counts_before_are_counts_after() -> None:
    """5.10 Merge and undo lose no event and rewrite none: sums per issue are as they were."""
    stage = a_stage()
    written = run(stage, [ONE, TWO, TWO, THREE])
    before = counts(written, written)
    merge = a_merge([TWO, THREE], ONE)
    during = [*written, *act(stage, merge)]
    after = [*during, *act(stage, undo(merge))]

    assert counts(written, during) == {fingerprint_of(ONE): 4}
    assert counts(written, after) == before


STEPS: list[CanonicalKey | Action] = [
    *(ONE, TWO, LIKE_TWO, THREE),
    *(a_merge([TWO], ONE, 1), a_merge([THREE], ONE, 2), undo(a_merge([TWO], ONE), 3)),
    *(an_action(Unmerge, [TWO], 4), an_action(Resolve, [ONE], 5, at=AT)),
    *(an_action(Ignore, [ONE], 6, events=2), an_action(Reopen, [ONE], 7)),
]


def step(stage: GroupStage, what: CanonicalKey | Action, n: int) -> list[Output]:
    """Do one step and end the batch; a refused action is nothing."""
    if isinstance(what, CanonicalKey):
        outputs = run(stage, [what], start=n)
    else:
        try:
            outputs = act(stage, what)
        except Unreadable:
            outputs = []
    return outputs + list(stage.tick(AT, ()))


def told_apart(outputs: Sequence[Output]) -> list[Output]:
    """Return what was sent but frames: those count from the start of a worker."""
    return [o for o in outputs if isinstance(o, Sent) and o.topic != "frames"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=25))
def test_an_abort_of_every_batch_changes_nothing(steps: list[CanonicalKey | Action]) -> None:
    """2.4 A stage built anew after each event and action does what the uninterrupted one does."""
    steady, kept, whole = a_stage(), list[Output](), list[Output]()
    for n, what in enumerate(steps):
        whole += step(steady, what, n)
        step(again(kept), what, n)
        kept += step(again(kept), what, n)

    assert told_apart(kept) == told_apart(whole)
