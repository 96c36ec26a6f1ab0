"""Intents and tokens."""

from pipeline.sink.intent import Intent, read_intent, token


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
