"""Promotion: a word that five groups differ in becomes a wildcard."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.group.decision import History
from pipeline.group.settings import GroupSettings
from pipeline.group.siblings import holes_of
from pipeline.model.group import CanonicalKey
from tests.group.build import a_message, fingerprint_of

WORDS = ["apple", "banana", "cherry", "date", "elder", "fig", "grape", "hazel"]


def decide(history: History, keys: list[CanonicalKey]) -> list[str]:
    """Return how each key was decided."""
    return [history.decide(fingerprint_of(key), key).how for key in keys]


@given(st.integers(2, 8), st.permutations(WORDS))
def test_promotion_comes_exactly_at_the_kth(k: int, words: list[str]) -> None:
    """K - 1 groups are founded, the K-th joins the oldest, and so do all after it."""
    history = History(GroupSettings(siblings=k))
    keys = [a_message(f"cannot open the {word} file") for word in words]
    verdicts = [history.decide(fingerprint_of(key), key) for key in keys]

    assert [v.how for v in verdicts] == ["founder"] * (k - 1) + ["wildcard"] * (9 - k)
    assert {v.root for v in verdicts[k - 1 :]} == {fingerprint_of(keys[0])}
    assert verdicts[k - 1].merged == tuple(map(fingerprint_of, keys[1 : k - 1]))
    assert verdicts[k - 1].wildcards == (3,)


def test_promotion_needs_three_other_words() -> None:
    """A message of three words never gets a wildcard: it would swallow its neighbours."""
    history = History(GroupSettings())

    assert set(decide(history, [a_message(f"removing the {word}") for word in WORDS])) == {
        "founder"
    }


def test_a_position_is_part_of_the_wildcard() -> None:
    """The same other words around another position are no siblings."""
    history = History(GroupSettings())
    keys = [a_message(f"cannot open the {word} file") for word in WORDS[:4]]

    assert decide(history, [*keys, a_message("cannot open the file fig")]) == ["founder"] * 5


def test_a_redelivered_sibling_does_not_count_twice() -> None:
    """Only distinct groups make a wildcard."""
    history = History(GroupSettings())
    keys = [a_message(f"cannot open the {word} file") for word in WORDS[:4]]

    assert decide(history, keys * 3) == ["founder"] * 4 + ["exact"] * 8


def test_merged_groups_count_as_one() -> None:
    """Groups that became one, even by way of a third, are one sibling for any other wildcard."""
    history = History(GroupSettings(siblings=3))
    older = [a_message(f"cannot read the apple {word}") for word in ("map", "file")]
    family = [a_message(f"cannot open the {word} file") for word in WORDS[:3]]
    decide(history, [*older, *family, a_message("cannot close the apple file")])
    again = history.decide(fingerprint_of(family[1]), family[1])
    pair = [a_message(f"cannot {word} the banana file") for word in ("read", "close")]

    assert again.root == fingerprint_of(older[1])
    assert decide(history, pair) == ["founder", "wildcard"]


def test_two_wildcards_at_once_join_all() -> None:
    """A key that completes two positions merges both families under the oldest group."""
    history = History(GroupSettings(siblings=3))
    keys = [
        a_message(text)
        for text in (
            "first open the big file",
            "second open the big file",
            "third open the old file",
            "third open the new file",
            "third open the big file",
        )
    ]
    verdicts = [history.decide(fingerprint_of(key), key) for key in keys]

    assert verdicts[-1].wildcards == (0, 3)
    assert verdicts[-1].root == fingerprint_of(keys[0])
    assert verdicts[-1].merged == tuple(map(fingerprint_of, keys[1:4]))


def test_client_values_keep_siblings_apart() -> None:
    """5.10 Messages refined by other values never share a wildcard."""
    history = History(GroupSettings())
    keys = [
        a_message(f"cannot open the {word} file", refine=(f"tenant-{i % 2}",))
        for i, word in enumerate(WORDS)
    ]

    assert decide(history, keys) == ["founder"] * 8


@given(st.lists(st.sampled_from(["*", *WORDS]), min_size=4, max_size=64))
def test_holes_are_the_constant_words(tokens: list[str]) -> None:
    """There is one hole per constant word, never two alike."""
    holes = holes_of(tokens, ())
    constant = [i for i, token in enumerate(tokens) if token != "*"]

    assert [hole.position for hole in holes] == (constant if len(constant) > 3 else [])
    assert len({hole.hash for hole in holes}) == len(holes)
