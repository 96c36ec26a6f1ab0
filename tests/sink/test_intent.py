"""Intents, tokens and plans."""

from pipeline.sink.intent import Intent, read_intent, token
from pipeline.sink.reconcile import Plan, missing, plan


def test_an_intent_comes_back_as_it_was() -> None:
    """The metadata of a commit holds the end and the skipped offsets."""
    intent = Intent(120, (101, 105))

    assert read_intent(intent.encode()) == intent


def test_other_metadata_is_no_intent() -> None:
    """A commit without an intent, or of another writer, is none."""
    assert [read_intent(text) for text in ("", "1700000000000", "{}")] == [None, None, None]


def test_an_intent_that_kafka_would_not_take_is_known() -> None:
    """Too many skipped offsets do not fit into the metadata."""
    assert Intent(9, tuple(range(10))).fits()
    assert not Intent(9_999_999, tuple(range(9_000_000, 9_001_000))).fits()


def test_a_token_names_its_content() -> None:
    """Other rows have another token: the same one would drop them silently."""
    assert token("t", 3, [7, 9, 8]) == "t:3:7-9:3"
    assert token("t", 3, [7, 9]) != token("t", 3, [7, 8, 9])


def test_nothing_open_needs_no_plan() -> None:
    """Without an intent and without rows beyond the commit nothing is settled."""
    assert plan(10, None, [], 50) is None


def test_an_intent_is_settled_to_its_end() -> None:
    """With an intent the batch is inserted again, whatever is there."""
    assert plan(10, 20, [], 50) == Plan(10, 20, is_anew=False)
    assert plan(10, 20, [10, 11], 50) == Plan(10, 20, is_anew=False)


def test_rows_beyond_the_topic_mean_that_it_was_made_anew() -> None:
    """A stored offset that the partition has never had is a topic of the same name."""
    found = plan(0, None, [70], 50)

    assert found is not None
    assert found.is_anew


def test_missing_is_what_is_not_stored() -> None:
    """The hole of a crash is the difference of offsets."""
    assert missing([1, 2, 3, 4], {2, 4, 9}) == [1, 3]
