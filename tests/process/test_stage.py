"""The stage: hits, novel events, counts, repeats, time, scrubbing, restarts."""

from datetime import timedelta
from typing import Any

import msgspec
import orjson
import pytest

from pipeline.frames.users import user_hash
from pipeline.model.frame import GroupRow, OutcomeRow, ResourceRow, ServiceRow
from pipeline.model.novel import Mark, Novel
from pipeline.model.partition import partition_of
from pipeline.model.stage import Sent, Source
from tests.build import AT, AT_MS, a_record
from tests.process.build import (
    PARTITIONS,
    a_stage,
    an_event,
    decided,
    fed,
    grouped,
    novel,
    outcomes,
    registered,
    rows,
    ticked,
)
from tests.scrub.corpus import CANARY

ID = "9a024377723e483bbe567652f9ea22d3"
OTHER_ID = "0a024377723e483bbe567652f9ea22d3"
SERIES = {"service": "shop", "environment": "production"}


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


def test_a_repeat_counts_once() -> None:
    """5.5 The same event_id within the horizon gives one row and the outcome ``duplicate``."""
    stage = a_stage()
    said = fed(stage, an_event(event_id=ID), an_event(event_id=ID.upper()), an_event())

    assert len(said) == 2
    assert outcomes(stage) == {"accepted": 3, "duplicate": 1}


def test_ids_are_per_project() -> None:
    """Two projects may use the same id."""
    stage = a_stage()

    said = fed(stage, *(an_event(event_id=ID, project=project) for project in "aba"))

    assert len(said) == 2


@pytest.mark.parametrize(("after_s", "counted"), [(600, 1), (601, 2), (7200, 2)])
def test_the_horizon_is_the_brokers_time(after_s: int, counted: int) -> None:
    """R15 A repeat counts again beyond the horizon, by the broker's clock."""
    stage = a_stage()
    said = fed(stage, an_event(event_id=ID))
    said += fed(stage, an_event(event_id=ID), offset=1, timestamp_ms=AT_MS + after_s * 1000)

    assert len(said) == counted


def test_the_horizon_has_a_size() -> None:
    """Of very many ids the oldest are forgotten."""
    stage = a_stage(dedupe_ids=1000)
    for n in range(3000):
        fed(stage, an_event(event_id=f"{n:032x}"), offset=n)

    assert len(stage._recent[0]) <= 1063
    assert fed(stage, an_event(event_id=f"{2999:032x}"), offset=3000) == []
    assert len(fed(stage, an_event(event_id=f"{1:032x}"), offset=3001)) == 1


@pytest.mark.parametrize(
    "event",
    [
        an_event(event_id=ID),
        an_event(event_id=ID, message=None, exception={"type": "E", "value": "x"}),
        an_event(event_id=ID, message=None, exception={"values": [{"type": "E"}]}),
        an_event(event_id=ID, message='{"message": "inner"}'),
        an_event(event_id=ID, message=None, logentry={"message": "x"}),
        an_event(event_id=ID, kind="request", status=200, duration_ms=3, message=None),
        an_event(event_id=ID, kind="request", status=200, duration_ms=0, message=None),
        an_event(event_id=ID, kind="session", started=1, message=None),
        an_event(event_id=ID, kind="resource", host="a", cpu_percent=1, message=None),
        an_event(event_id=ID, service=None, project="shop"),
        an_event(event_id=ID, project=17),
    ],
)
def test_a_restart_remembers_what_was_counted(event: dict[str, Any]) -> None:
    """The ids of records below the committed offset are known again after a restart."""
    stage = a_stage()
    stage.recall(a_record(event))

    assert fed(stage, event, offset=1) == []
    assert outcomes(stage)["duplicate"] == 1


@pytest.mark.parametrize(
    "refused",
    [
        {"event_id": ID, "service": "shop"},
        {"event_id": ID, "message": "whose?"},
        {"event_id": ID, "service": "shop", "kind": "party", "message": "x"},
        {"event_id": ID, "service": "shop", "kind": "request", "status": 1},
        {"event_id": ID, "service": "shop", "exception": 17},
        {"event_id": ID, "service": "shop", "exception": {"values": [{}]}},
        {"event_id": ID, "service": "shop", "kind": "resource"},
        {"event_id": ID, "service": "shop", "environment": [], "message": "x"},
    ],
)
def test_a_refused_id_may_come_again(refused: dict[str, Any]) -> None:
    """R13 A corrected event under the id of a refused one counts, also after a restart."""
    stage, restarted = a_stage(), a_stage()
    assert isinstance(fed(stage, refused)[0], str)
    restarted.recall(a_record(refused))

    assert len(fed(stage, an_event(event_id=ID), offset=1)) == 1
    assert len(fed(restarted, an_event(event_id=ID), offset=1)) == 1


@pytest.mark.parametrize(
    ("offset_s", "counted_s"),
    [(-10, -10), (-40 * 86_400, -30 * 86_400), (200, 200), (3600, 300)],
)
def test_event_times_are_clamped(offset_s: int, counted_s: int) -> None:
    """R16 An event time counts from 30 days before the broker's to 5 minutes after it."""
    row = novel(an_event(timestamp=(AT + timedelta(seconds=offset_s)).isoformat())).row

    assert row.ts == AT + timedelta(seconds=counted_s)
    assert row.received_at == AT


def test_a_fast_clock_does_not_move_the_watermark() -> None:
    """The watermark of a source is the newest event time, and never beyond the broker's."""
    stage = a_stage()
    fed(stage, an_event(timestamp=(AT - timedelta(seconds=9)).isoformat()))
    before = ticked(stage)[0][0].sources[0]
    fed(stage, an_event(timestamp=(AT + timedelta(hours=1)).isoformat()), offset=1)
    after = ticked(stage)[0][0].sources[0]

    assert before == (0, 0, AT_MS - 9000)
    assert after == (1, 1, AT_MS)


def test_every_partition_gets_a_frame() -> None:
    """A batch writes one frame to each partition of frames, and a mark to each of events.novel."""
    stage = a_stage()
    fed(stage, an_event())
    frames, marks, _ = ticked(stage)

    assert len(frames) == PARTITIONS
    assert {frame.n_sources for frame in frames} == {PARTITIONS}
    assert [mark.partition for mark in marks] == list(range(PARTITIONS))
    assert msgspec.json.decode(marks[0].value or b"", type=Mark).watermarks == {0: AT_MS}


def test_an_idle_stage_is_silent_until_the_heartbeat() -> None:
    """Nothing read: no frame, but a heartbeat of what has caught up."""
    stage = a_stage()
    fed(stage, an_event())
    ticked(stage)

    assert ticked(stage, AT + timedelta(seconds=1), {0})[0] == []
    frames, marks, _ = ticked(stage, AT + timedelta(seconds=30), {0})
    assert frames[0].sources == {0: (1, 0, AT_MS + 20_000)}
    assert len(marks) == PARTITIONS
    assert ticked(stage, AT + timedelta(seconds=60))[0] == []


def test_requests() -> None:
    """6.4 Requests count as failed from status 500 on, and by how long they took."""
    stage = a_stage()
    for n, (status, ms) in enumerate([(200, 100), (404, 900), (500, 100), (503, 5000)]):
        request = an_event(kind="request", message=None, status=status, duration_ms=ms, route="/x")
        assert fed(stage, request, offset=n) == []
    (row,) = rows(stage, ServiceRow)

    assert (row.requests, row.failed, row.satisfied, row.tolerating) == (4, 2, 2, 1)
    assert (row.latency_sum_us, sum(row.latency.values())) == (6_100_000, 4)


def test_sampled_requests_count_for_all() -> None:
    """2.19 A request of weight 10 counts ten times."""
    stage = a_stage()
    request = an_event(kind="request", message=None, status=500, duration_ms=1, sample_weight=10)
    fed(stage, request)
    (row,) = rows(stage, ServiceRow)

    assert (row.requests, row.failed) == (10, 10)


def test_sessions() -> None:
    """Sessions are counted by how they ended."""
    stage = a_stage()
    fed(stage, an_event(kind="session", message=None, exited=7, errored=2, crashed=1, abnormal=0))
    (row,) = rows(stage, ServiceRow)

    assert (row.sessions, row.sessions_errored, row.sessions_crashed) == (10, 2, 1)


def test_resources() -> None:
    """A host's sample is kept in thousandths of a point."""
    stage = a_stage()
    fed(stage, an_event(kind="resource", message=None, host="w1", cpu_percent=37.5))
    (row,) = rows(stage, ResourceRow)

    assert (row.host, row.samples, row.cpu_sum, row.disk_free_min) == ("w1", 1, 37_500, 100_000)


def test_accounting() -> None:
    """Accepted = rows + aggregated + duplicate + dead-lettered, by service and kind."""
    stage = a_stage()
    request = an_event(kind="request", message=None, status=200, duration_ms=1)
    said = fed(stage, an_event(event_id=ID), an_event(event_id=ID), request, {"service": "shop"})
    totals: dict[tuple[str, str], int] = {}
    for row in rows(stage, OutcomeRow):
        assert row.service == "shop"
        totals[row.event_kind, row.outcome] = row.n

    assert totals == {
        ("error", "accepted"): 3,
        ("error", "duplicate"): 1,
        ("error", "dead_lettered"): 1,
        ("request", "accepted"): 1,
        ("request", "aggregated"): 1,
    }
    assert len([answer for answer in said if isinstance(answer, Sent)]) == 1


@pytest.mark.parametrize("known", [False, True])
def test_no_secret_leaves_the_stage(known: bool) -> None:  # noqa: FBT001  both ways out
    """2.20 A canary in any position is in no message that leaves: no row, key, title, frame."""
    text = f"login password={CANARY} failed"
    frame = {"function": "f", "filename": "a.py", "vars": {"token": CANARY}}
    event = an_event(
        message=text,
        exception={
            "values": [
                {"type": "OSError", "value": text},
                {"type": "E", "value": text, "stacktrace": {"frames": [frame]}},
            ]
        },
        user={"id": f"{CANARY}@example.org", "token": CANARY},
        request={"headers": {"Cookie": CANARY}, "url": f"https://u:{CANARY}@x.io/"},
        tags={"password": CANARY},
        breadcrumbs=[{"data": {"secret": CANARY}}],
        extra={"a": orjson.dumps({"api_key": CANARY}).decode()},
        fingerprint=["{{ default }}", f"pwd={CANARY}"],
        transaction=f"token={CANARY}",
    )
    stage = a_stage()
    if known:
        for record in decided(novel(event)):
            stage.recall(record)
    said = fed(stage, event)
    frames = list(stage.tick(AT, ()))

    assert len(said) == 1
    assert all(CANARY not in repr(message) for message in (*said, *frames))


def test_users_are_told_apart_without_their_addresses() -> None:
    """A user id that is a mail address is counted by its hash, and stored as the hash."""
    found = novel(an_event(user={"id": "joan@example.org"}))

    assert found.user_hash == user_hash("joan@example.org")
    assert found.row.user_id == f"hash:{user_hash('joan@example.org'):016x}"


def test_scrubbing_does_not_part_groups() -> None:
    """An address that was scrubbed and one that was not are one group."""
    one = novel(an_event(message="mail to bob@x.io from 203.0.113.9 bounced"))
    other = novel(an_event(message="mail to a.b@c.d from 127.0.0.1 bounced"))

    assert one.row.message == "mail to [email] from [ip] bounced"
    assert one.row.fingerprint == other.row.fingerprint


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
