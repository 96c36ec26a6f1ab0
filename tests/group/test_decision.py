"""The owner's decision and its reasons."""

from collections.abc import Callable

import pytest

from pipeline.group.decision import History, Verdict
from pipeline.group.settings import GroupSettings
from pipeline.model.group import CanonicalKey
from tests.group.build import a_client_key, a_message, a_stack, fingerprint_of


def decided(*keys: CanonicalKey, **settings: float) -> list[Verdict]:
    """Return the verdicts of a history that sees these keys."""
    history = History(GroupSettings.model_validate(settings))
    return [history.decide(fingerprint_of(key), key) for key in keys]


def test_a_new_key_founds_a_group_with_its_own_id() -> None:
    """The group's id is its founder's fingerprint, so a lost registry founds it again."""
    key = a_message("payment failed")

    assert decided(key) == [Verdict(fingerprint_of(key), "founder", root=fingerprint_of(key))]


def test_a_known_key_is_answered_the_same_way() -> None:
    """A repeated miss gets the known id."""
    key = a_message("payment failed")
    first, second = decided(key, key)

    assert (second.group_id, second.how) == (first.group_id, "exact")


def test_a_similar_stack_joins_within_its_top_frame() -> None:
    """5.6 A stack with the same top frame and enough frames in common carries the group's id."""
    first, second, other = decided(
        a_stack("pay@pay.py charge@pay.py main@app.py"),
        a_stack("pay@pay.py refund@pay.py main@app.py"),
        a_stack("void@pay.py charge@pay.py main@app.py"),
    )

    assert (second.group_id, second.how) == (first.group_id, "similar")
    assert second.score == pytest.approx(2 / 3)
    assert other.how == "founder"


def test_a_stack_below_the_cutoff_founds_a_group() -> None:
    """The same top frame alone is not enough."""
    frames = [f"f{i}@a.py" for i in range(8)]
    _, other = decided(
        a_stack(" ".join(frames)), a_stack(" ".join([frames[0], *(f"g{i}@b.py" for i in range(7))]))
    )

    assert other.how == "founder"


def test_every_stack_joins_the_candidates() -> None:
    """A stack may be like a follower and unlike the founder."""
    a, b, c = decided(
        a_stack("t@a.py a@a.py b@a.py c@a.py"),
        a_stack("t@a.py a@a.py x@a.py y@a.py"),
        a_stack("t@a.py z@a.py x@a.py y@a.py"),
        stack_cutoff=0.5,
    )

    assert {a.group_id} == {b.group_id, c.group_id}


def test_the_runner_up_is_told() -> None:
    """5.9 A decision names the best other group and its score."""
    keys = [
        a_stack("t@a.py a@a.py b@a.py c@a.py"),
        a_stack("t@a.py d@a.py e@a.py f@a.py"),
        a_stack("t@a.py a@a.py b@a.py f@a.py"),
    ]
    verdict = decided(*keys)[-1]

    assert (verdict.group_id, verdict.score) == (fingerprint_of(keys[0]), 0.75)
    assert (verdict.runner_up, verdict.runner_up_score) == (fingerprint_of(keys[1]), 0.5)


def test_a_similar_message_joins() -> None:
    """5.6 A message that differs in a name only carries the group's id."""
    first, second = decided(
        a_message("timeout while calling backend_a of the shop"),
        a_message("timeout while calling backend_b of the shop"),
    )

    assert (second.group_id, second.how, second.guard) == (first.group_id, "similar", "passed")
    assert 0.92 <= second.score < 1


def test_one_token_more_may_still_be_similar() -> None:
    """Neighbouring lengths are candidates too."""
    first, second = decided(
        a_message("timeout while calling the main backend of the shop"),
        a_message("timeout while calling the main backend of the shop *"),
    )

    assert second.group_id == first.group_id


def test_the_guard_is_told() -> None:
    """5.9 A refusal by the guard founds a group and names the group it kept apart."""
    first, second = decided(
        a_message("connection to the database opened by worker"),
        a_message("connection to the database closed by worker"),
        message_cutoff=80,
    )

    assert (second.how, second.guard, second.runner_up) == ("founder", "refused", first.group_id)
    assert second.runner_up_score > 0.8


def test_short_messages_are_never_similar() -> None:
    """5.7 Below four tokens only equal keys are one group."""
    assert [v.how for v in decided(a_message("key user_id_a"), a_message("key user_id_b"))] == [
        "founder"
    ] * 2


def test_long_messages_are_never_similar() -> None:
    """What takes long to compare is not compared: equal keys are still one group."""
    long = "timeout while calling the backend " + "of_a_shop " * 100
    verdicts = decided(a_message(f"{long} node_a"), a_message(f"{long} node_b"), a_message(long))

    assert [v.how for v in verdicts] == ["founder"] * 3


def test_client_keys_never_meet_similarity() -> None:
    """A client's fingerprint is its group, however alike another one is."""
    verdicts = decided(a_client_key("checkout", "page_a"), a_client_key("checkout", "page_b"))

    assert [v.how for v in verdicts] == ["client", "client"]
    assert len({v.group_id for v in verdicts}) == 2


@pytest.mark.parametrize("key", [a_stack, a_message])
def test_refined_keys_meet_their_like_only(key: Callable[..., CanonicalKey]) -> None:
    """Similarity works among events with the same other values of a client fingerprint."""
    text = "timeout while calling backend_a of the shop"
    like = "timeout while calling backend_b of the shop"
    a, b, c = decided(
        key(text, refine=("eu",)), key(like, refine=("us",)), key(like, refine=("eu",))
    )

    assert b.group_id != a.group_id
    assert c.group_id == a.group_id


def test_of_equals_the_earlier_wins() -> None:
    """Two candidates with the same score: the one that was there first."""
    keys = [
        a_stack("t@a.py a@a.py b@a.py c@a.py"),
        a_stack("t@a.py d@a.py e@a.py f@a.py"),
        a_stack("t@a.py a@a.py b@a.py d@a.py e@a.py"),
    ]

    assert decided(*keys)[-1].group_id == fingerprint_of(keys[0])


def test_a_bucket_forgets_its_oldest() -> None:
    """The cap bounds what one decision costs."""
    stacks = [a_stack(f"t@a.py a{i}@a.py b{i}@a.py c{i}@a.py d{i}@a.py") for i in range(4)]
    again = a_stack("t@a.py a0@a.py b0@a.py c0@a.py d0@a.py e@a.py")

    assert decided(*stacks, again, bucket=4)[-1].how == "similar"
    assert decided(*stacks, again, bucket=3)[-1].how == "founder"
