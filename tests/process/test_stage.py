"""The stage: hits, novel events, the copy of the registry."""

from typing import Any

import msgspec
import pytest

from pipeline.frames.users import user_hash
from pipeline.model.frame import GroupRow, ServiceRow
from pipeline.model.novel import Novel
from pipeline.model.partition import partition_of
from pipeline.model.stage import Sent, Source
from tests.build import a_record
from tests.process.build import (
    PARTITIONS,
    a_stage,
    an_event,
    decided,
    fed,
    grouped,
    novel,
    registered,
    rows,
    ticked,
)

ID = "9a024377723e483bbe567652f9ea22d3"


def test_a_novel_event_goes_to_its_owner() -> None:
    """An unknown fingerprint travels to the one owner of its service and type, with its row."""
    (sent,) = fed(a_stage(), an_event(exception={"type": "KeyError", "value": "'x'"}))

    assert isinstance(sent, Sent)
    assert (sent.topic, sent.key) == ("events.novel", b"shop\0KeyError")
    assert sent.partition == partition_of(PARTITIONS, "shop", "KeyError")
    found = msgspec.json.decode(sent.value or b"", type=Novel)
    assert found.row.group_id == found.row.fingerprint
    assert (found.title, found.template) == ("KeyError: 'x'", "'x'")
    assert found.key.service == "shop"


def test_a_novel_event_counts_for_its_service_at_once() -> None:
    """The service's row never waits for the owner; the group's row is the owner's to write."""
    stage = a_stage()
    fed(stage, an_event(user={"id": "u1"}), an_event(level="fatal"))
    found = [row for frame in ticked(stage)[0] for row in frame.rows]
    (service,) = [row for row in found if isinstance(row, ServiceRow)]

    assert (service.error, service.fatal, service.users) == (1, 1, [user_hash("u1")])
    assert not [row for row in found if isinstance(row, GroupRow)]


def test_a_known_event_becomes_a_row() -> None:
    """A known fingerprint gives the row with its group, and counts in the group here."""
    stage = a_stage()
    for record in decided(novel(an_event()), group_id="g" * 16, title="Boom!"):
        stage.recall(record)
    (sent,) = fed(stage, an_event(event_id=ID))
    row = grouped(sent)
    (group,) = rows(stage, GroupRow)

    assert (row.group_id, row.group_how, row.event_id) == ("g" * 16, "exact", ID)
    assert isinstance(sent, Sent)
    assert sent.key == b"g" * 16
    assert (group.group_id, group.title, group.n, group.event_id) == ("g" * 16, "Boom!", 1, ID)


def test_merges_are_followed() -> None:
    """5.10 An event of a merged group carries the id of the group that it was merged into."""
    stage = a_stage()
    first = novel(an_event())
    for record in (
        *decided(first, group_id="a" * 16, status="merged", merged_into="b" * 16),
        *decided(novel(an_event(message="other")), group_id="b" * 16, title="B"),
    ):
        stage.recall(record)

    assert grouped(fed(stage, an_event())[0]).group_id == "b" * 16


@pytest.mark.parametrize("issue", [{"status": "resolved"}, {"ignored_until": "2026-12-01"}])
def test_what_needs_the_owner_goes_to_the_owner(issue: dict[str, Any]) -> None:
    """An event of a resolved issue, or of one that is ignored until something, is decided anew."""
    stage = a_stage()
    for record in decided(novel(an_event()), **issue):
        stage.recall(record)
    (sent,) = fed(stage, an_event())

    assert isinstance(sent, Sent)
    assert sent.topic == "events.novel"


def test_an_ignored_issue_needs_nobody() -> None:
    """An issue that is ignored for good still gets its rows."""
    stage = a_stage()
    for record in decided(novel(an_event()), status="ignored"):
        stage.recall(record)

    assert grouped(fed(stage, an_event())[0]).group_how == "exact"


def test_a_decision_without_its_issue_is_not_enough() -> None:
    """While only half of what the owner wrote has arrived, the owner is asked."""
    stage = a_stage()
    stage.recall(decided(novel(an_event()))[0])
    (sent,) = fed(stage, an_event())

    assert isinstance(sent, Sent)
    assert sent.topic == "events.novel"


def test_tombstones_forget() -> None:
    """A deleted decision makes its events novel again."""
    stage = a_stage()
    records = decided(novel(an_event()))
    for record in records:
        stage.recall(record)
    stage.recall(registered((records[0].key or b"").decode(), None))
    (sent,) = fed(stage, an_event())

    assert isinstance(sent, Sent)
    assert sent.topic == "events.novel"


def test_a_broken_record_of_the_registry_is_told() -> None:
    """A record that nobody can read ends nothing; a note names it."""
    stage = a_stage()
    stage.recall(a_record(b"{}", topic="groups", key=b"d|x"))
    (note,) = [note for note in ticked(stage)[2] if note.name == "state_unreadable"]

    assert "d|x" in str(note.log["problem"])


def test_recalled_topics_may_go_on() -> None:
    """A group that becomes known while the worker runs is hit from then on."""
    stage = a_stage()
    (first,) = fed(stage, an_event())
    assert isinstance(first, Sent)
    for record in decided(msgspec.json.decode(first.value or b"", type=Novel)):
        stage.recall(record)

    assert grouped(fed(stage, an_event(), offset=1)[0]).group_how == "exact"


def test_positions_need_nothing() -> None:
    """Being assigned changes nothing: ids come back by recall."""
    stage = a_stage()
    stage.assign({Source("events.raw", 3): 99})

    assert ticked(stage) == ([], [], [])
