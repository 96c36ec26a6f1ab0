"""Which notice is next, and what is committed meanwhile."""

from datetime import timedelta

import msgspec
import pytest

from pipeline.model.notification_log import Attempt
from pipeline.model.stage import Record, Sent, Source
from pipeline.notify.exchange import Reply
from pipeline.notify.stage import NotifyStage
from tests.build import AT, AT_MS
from tests.notify.build import a_channel, a_notification, a_resolve, as_record

NOW = AT + timedelta(seconds=70)
OK = Reply(status=204)


def a_stage(name: str = "webhook") -> NotifyStage:
    """Return the stage of one channel."""
    return NotifyStage(name=name, channel=a_channel(name))


def test_critical_goes_first() -> None:
    """The most severe notice is next, whatever came first; ties go by age."""
    stage = a_stage()
    for n, severity in enumerate(("info", "warning", "critical", "critical")):
        created = AT + timedelta(seconds=10 - n)
        note = a_notification(n, severity=severity, alert_group=str(n), created_at=created)
        stage.feed(as_record(note, n), NOW)
    order = []
    while (job := stage.next(NOW)) is not None:
        order.append(job.record.offset)
        stage.settle(job, OK, NOW, 1.0)

    assert order == [3, 2, 1, 0]


def test_the_lowest_unfinished_offset_is_what_may_be_committed() -> None:
    """Out of order as notices are sent, nothing above an unfinished one counts as done."""
    stage = a_stage()
    for n, severity in enumerate(("info", "critical")):
        stage.feed(as_record(a_notification(n, severity=severity, alert_group=str(n)), n), NOW)
    job = stage.next(NOW)
    assert job is not None
    stage.settle(job, OK, NOW, 1.0)

    assert (job.record.offset, stage.unfinished()) == (1, {Source("notifications", 0): 0})


def test_slack_gets_one_message_a_second() -> None:
    """4.11 After a message the next one waits for its second."""
    stage = a_stage("slack")
    for n in range(2):
        note = a_notification(n, channel="slack", alert_group=str(n))
        stage.feed(as_record(note, n), NOW)
    job = stage.next(NOW)
    assert job is not None
    stage.settle(job, Reply(status=200, body=b"ok"), NOW, 1.0)

    assert stage.next(NOW + timedelta(seconds=0.9)) is None
    assert stage.wake_at(NOW) == NOW + timedelta(seconds=1)
    assert stage.next(NOW + timedelta(seconds=1)) is not None


def test_repeated_failures_stop_the_channel() -> None:
    """A dead channel is probed by one notice at a time, not by all that wait."""
    stage = a_stage()
    for n in range(50):
        stage.feed(as_record(a_notification(n, alert_group=str(n)), n), NOW)
    tries = 0
    while (job := stage.next(NOW)) is not None:
        tries += 1
        stage.settle(job, Reply(failure="network"), NOW, 1.0)

    assert tries == 2


def test_what_an_attempt_leaves_in_the_log() -> None:
    """4.15 The log names notice, alerts, channel, attempt, status, error and the next attempt."""
    stage = a_stage()
    stage.feed(as_record(a_notification()), NOW)
    job = stage.next(NOW)
    assert job is not None
    sent = stage.settle(job, Reply(status=503), NOW, 12.5)[0]
    assert isinstance(sent, Sent)
    entry = msgspec.json.decode(sent.value or b"", type=Attempt)

    assert (entry.notification_id, entry.alert_ids, entry.channel, entry.attempt) == (
        a_notification().notification_id,
        [a_notification().alerts[0].alert_id],
        "webhook",
        1,
    )
    assert (entry.outcome, entry.http_status, entry.latency_ms, entry.error) == (
        "retry",
        503,
        12.5,
        "HTTP 503",
    )
    assert entry.retry_at is not None
    assert entry.retry_at > NOW


@pytest.mark.parametrize(
    ("outcome", "waits"), [("sent", 0), ("refused", 0), ("retry", 1), ("broken", 1)]
)
def test_what_the_log_brings_back(outcome: str, waits: int) -> None:
    """4.15 What was sent or refused is done; what was tried goes on counting its attempts."""
    stage = a_stage()
    stage.feed(as_record(a_notification()), NOW)
    job = stage.next(NOW)
    assert job is not None
    entry = stage.settle(job, OK, NOW, 1.0)[0]
    assert isinstance(entry, Sent)
    changed = msgspec.json.decode(entry.value or b"") | {"outcome": outcome, "attempt": 7}
    successor = a_stage()
    value = msgspec.json.encode(changed)
    successor.recall(Record("notifications.log", 0, 0, AT_MS, entry.key, value))
    successor.feed(as_record(a_notification()), NOW)
    then = successor.next(NOW)

    assert len(successor) == waits
    assert [then.attempt] * waits == [7] * waits if then else not waits


def test_a_resolve_waits_for_its_firing_notice() -> None:
    """Order is kept inside an alert group, also while the first one is retried."""
    stage = a_stage()
    stage.feed(as_record(a_notification(1), 0), NOW)
    stage.feed(as_record(a_resolve(2), 1), NOW)
    job = stage.next(NOW)
    assert job is not None
    stage.settle(job, Reply(status=500), NOW, 1.0)
    later = stage.next(NOW + timedelta(seconds=301))

    assert later is not None
    assert (later.record.offset, later.attempt) == (0, 1)
