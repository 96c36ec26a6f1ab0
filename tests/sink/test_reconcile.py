"""What is settled on assignment: intents first, then rows of unknown batches."""

from pipeline.sink.intent import Intent
from pipeline.sink.reconcile import Step, missing, steps


def test_nothing_open_needs_no_step() -> None:
    """Without an intent and without rows beyond the commit nothing is settled."""
    assert steps(10, None, 0, 100, is_cut=False) == []


def test_an_intent_is_inserted_again_whole() -> None:
    """A batch of unknown fate gets its own token again, whatever is stored of it."""
    found = steps(10, Intent(20, (12,)), 15, 100, is_cut=False)

    assert found == [Step(10, 20, (12,), whole=True, recount=True)]


def test_a_range_that_was_being_mended_is_mended_again() -> None:
    """Rows stored under other tokens would be doubled by a new token for all."""
    found = steps(10, Intent(20, mend=True), 20, 100, is_cut=False)

    assert found == [Step(10, 20, recount=True)]


def test_a_batch_whose_beginning_is_gone_is_mended() -> None:
    """Retention took some rows: the old token cannot be formed, only holes are filled."""
    found = steps(15, Intent(20), 20, 100, is_cut=True)

    assert found == [Step(15, 20, recount=True)]


def test_an_intent_that_retention_took_whole_is_nothing() -> None:
    """A batch of which no record is left cannot be completed."""
    assert steps(30, Intent(20), 0, 100, is_cut=True) == []


def test_a_group_that_was_put_back_fills_holes_in_chunks() -> None:
    """Stored rows without an intent are looked through piece by piece, none is doubled."""
    assert steps(0, None, 25, 10, is_cut=False) == [Step(0, 10), Step(10, 20), Step(20, 25)]


def test_rows_beyond_an_intent_follow_it() -> None:
    """The intent is settled first, what lies beyond afterwards."""
    found = steps(0, Intent(5), 8, 10, is_cut=False)

    assert found == [Step(0, 5, whole=True, recount=True), Step(5, 8)]


def test_missing_is_what_is_not_stored() -> None:
    """The hole of a crash is the difference of offsets."""
    assert missing([1, 2, 3, 4], {2, 4, 9}) == [1, 3]
