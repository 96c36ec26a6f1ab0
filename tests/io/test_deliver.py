"""Delivery, over a real HTTP server and a broker in memory."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from pipeline.io.clock import ManualClock
from pipeline.io.deliver import ChannelWorker
from pipeline.io.memory import MemoryBroker
from pipeline.io.memory_cluster import Fault
from pipeline.model.stage import Sent
from pipeline.notify.channels import AnyChannel
from tests.build import AT
from tests.io.servers import Answer, HttpServer
from tests.io.topics import a_broker, outcomes, put, records
from tests.notify.build import a_channel, a_notification, a_resolve, key_of


class Step:
    """One worker that a test turns by hand, with a clock that it moves."""

    def __init__(self, url: str, broker: MemoryBroker | None = None, **changes: Any) -> None:
        self.clock = ManualClock(AT + timedelta(seconds=70))
        self.broker = broker or a_broker(self.clock)
        self.channel: AnyChannel = a_channel("webhook", url=url, allow_private=True, **changes)
        self.worker = self.made()

    def made(self) -> ChannelWorker:
        """Return a worker as a restarted process makes it."""
        return ChannelWorker("webhook", self.channel, self.broker, 0, self.clock)

    def restart(self) -> None:
        """Die without a farewell, and start again."""
        self.worker = self.made()

    def turns(self, n: int = 6) -> None:
        """Turn a few times."""
        for _ in range(n):
            self.worker.turn()

    def wait(self, seconds: float) -> None:
        """Let time pass, then turn."""
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))
        self.turns()

    def committed(self) -> int:
        """Return how many offsets are committed."""
        group = self.broker.group("tocsin-notify-webhook")
        return sum(c.offset or 0 for c in group.committed.values())


def test_a_notice_arrives_and_is_logged() -> None:
    """4.10 A notice is sent, its outcome logged, its offset committed."""
    with HttpServer() as server:
        step = Step(server.url)
        put(step.broker, a_notification())
        step.turns()

    assert [msgspec.json.decode(g.body)["status"] for g in server.got] == ["firing"]
    assert outcomes(step.broker) == ["sent"]
    assert step.committed() == 1


def test_notices_of_other_channels_are_not_sent() -> None:
    """4.9 Each channel takes its own notices and passes over the others'."""
    with HttpServer() as server:
        step = Step(server.url)
        put(step.broker, a_notification(channel="slack"))
        put(step.broker, a_notification())
        step.turns()

    assert len(server.got) == 1


def test_retry_after_is_waited_out() -> None:
    """4.11 After 429 with Retry-After nothing is sent before its end, and both notices arrive."""
    slow = Answer(429, {"Retry-After": "20"}, b"")
    with HttpServer([slow, Answer(204, body=b"")]) as server:
        step = Step(server.url)
        put(step.broker, a_notification(1))
        put(step.broker, a_resolve(2))
        put(step.broker, a_notification(3, alert_group="another"))
        step.turns()
        step.wait(19)
        early = len(server.got)
        step.wait(1.1)

    ids = [g.headers["webhook-id"] for g in server.got]
    assert early == 1
    assert ids[0] == ids[1]
    assert sorted(outcomes(step.broker)) == ["retry", "sent", "sent", "sent"]


def test_a_restart_waits_out_retry_after() -> None:
    """4.11 A worker that starts within the time of a Retry-After sends nothing either."""
    slow = Answer(429, {"Retry-After": "20"}, b"")
    with HttpServer([slow, Answer(204, body=b"")]) as server:
        step = Step(server.url)
        put(step.broker, a_notification(1))
        step.turns()
        step.restart()
        put(step.broker, a_notification(2, alert_group="another"))
        step.wait(10)
        early = len(server.got)
        step.wait(11)

    assert early == 1
    assert len(server.got) == 3
    assert outcomes(step.broker) == ["retry", "sent", "sent"]


def test_a_failing_notice_does_not_hold_other_groups_back() -> None:
    """4.9 While one group's notice waits for its next attempt, another group's is sent."""
    with HttpServer([Answer(503), Answer(204, body=b"")]) as server:
        step = Step(server.url)
        put(step.broker, a_notification(1))
        put(step.broker, a_notification(2, alert_group="another", severity="info"))
        step.turns()
        first = outcomes(step.broker)
        step.wait(2)

    assert sorted(first) == ["retry", "sent"]
    assert sorted(outcomes(step.broker)) == ["retry", "sent", "sent"]
    assert step.committed() == 2


def test_order_is_kept_within_a_group() -> None:
    """The resolve waits until the firing notice has arrived."""
    with HttpServer([Answer(503), Answer(204, body=b"")]) as server:
        step = Step(server.url)
        put(step.broker, a_notification(1))
        put(step.broker, a_resolve(2))
        step.turns()
        held = len(server.got)
        step.wait(2)

    assert held == 1
    assert [msgspec.json.decode(g.body)["status"] for g in server.got] == [
        "firing",
        "firing",
        "resolved",
    ]


def test_nothing_is_sent_again_after_a_restart() -> None:
    """4.15 A notice whose outcome is logged is not sent again, whatever the offsets say."""
    with HttpServer() as server:
        step = Step(server.url)
        put(step.broker, a_notification())
        step.turns()
        step.broker.group("tocsin-notify-webhook").committed.clear()
        step.restart()
        step.turns()

    assert len(server.got) == 1


def test_a_death_before_the_log_entry_repeats_the_notice_under_its_id() -> None:
    """4.15 A worker that dies between answer and commit sends again, with the same id."""
    with HttpServer() as server:
        step = Step(server.url)
        step.broker.faults = lambda _identity, n: "abort" if n == 1 else ""
        put(step.broker, a_notification())
        while not server.got:
            step.worker.turn()
        step.restart()
        step.turns()

    assert len({g.headers["webhook-id"] for g in server.got}) == 1
    assert len(server.got) == 2
    assert outcomes(step.broker) == ["sent"]


@pytest.mark.parametrize("fault", ["abort", "lost"])
def test_an_abort_does_not_repeat_the_notice(fault: Fault) -> None:
    """4.15 When only the log entry is aborted, or its fate unknown, nothing is sent twice."""
    with HttpServer() as server:
        step = Step(server.url)
        step.broker.faults = lambda _identity, n: fault if n == 1 else ""
        put(step.broker, a_notification())
        step.turns(12)

    assert len(server.got) == 1
    assert outcomes(step.broker) == ["sent"]
    assert step.committed() == 1


def test_a_refused_notice_is_dead_lettered_and_blocks_nobody() -> None:
    """4.15 What a channel refuses lies in dead-letters, and the next notice goes out."""
    with HttpServer([Answer(422), Answer(204, body=b"")]) as server:
        step = Step(server.url)
        put(step.broker, a_notification(1))
        put(step.broker, a_resolve(2))
        step.turns()

    letters = records(step.broker, "dead-letters")
    assert sorted(outcomes(step.broker)) == ["refused", "sent"]
    assert [(r.header("stage"), r.header("reason")) for r in letters] == [(b"notify", b"refused")]
    assert letters[0].value == msgspec.json.encode(a_notification(1))


def test_a_notice_is_given_up_after_a_day() -> None:
    """4.15 After 24 h of failures a notice is refused and lies in dead-letters."""
    with HttpServer([Answer(500)]) as server:
        step = Step(server.url)
        put(step.broker, a_notification())
        step.turns()
        step.wait(86_400)

    letters = records(step.broker, "dead-letters")
    assert outcomes(step.broker) == ["retry", "refused"]
    assert [r.header("reason") for r in letters] == [b"gave_up"]
    assert step.committed() == 1


def test_an_unreadable_notice_is_dead_lettered() -> None:
    """What is no notification lies in dead-letters, and its neighbours pass."""
    with HttpServer() as server:
        step = Step(server.url)
        note = a_notification()
        step.broker.put(Sent("notifications", b"{", key_of(note)))
        put(step.broker, note)
        step.turns()

    assert [r.header("reason") for r in records(step.broker, "dead-letters")] == [b"schema"]
    assert outcomes(step.broker) == ["sent"]
    assert step.committed() == 2


def test_a_broken_channel_loses_nothing() -> None:
    """X9 A channel that answers 404 is probed after a while, and takes what has waited."""
    with HttpServer([Answer(404), Answer(204, body=b"")]) as server:
        step = Step(server.url)
        for n in range(3):
            put(step.broker, a_notification(n, alert_group=str(n)))
        step.turns()
        broken = len(server.got)
        step.wait(301)

    assert broken == 1
    assert sorted(outcomes(step.broker)) == ["broken", "sent", "sent", "sent"]
