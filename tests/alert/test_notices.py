"""When and to whom notices go: batching, cooldown, issues, changed rules and channels."""

from tests.alert.build import (
    Driver,
    a_metric,
    a_rule,
    a_signal,
    an_issue_rule,
    told,
)

BOTH = [("pagerduty", "firing"), ("slack", "firing")]
RESOLVED = [("pagerduty", "resolved"), ("slack", "resolved")]


def test_cooldown_is_per_series() -> None:
    """4.6 Within the cooldown a series is not announced again; another service is."""
    driver = Driver([a_rule(cooldown="15m", channels=["slack"])])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    driver.step(a_metric(60, failed=0))
    driver.restart()
    driver.step(a_metric(120, failed=300))
    driver.step(a_metric(121, failed=300, service="cart"))
    services = [n.service for n in driver.tick(200)]
    driver.restart()
    early = driver.tick(10 + 899)
    due = driver.tick(10 + 900)

    assert services == ["cart"]
    assert early == []
    assert [(n.service, n.status) for n in due] == [("shop", "firing")]


def test_a_refire_is_a_new_episode() -> None:
    """X11 What fires again after its resolve is told again, as another episode."""
    driver = Driver([a_rule(cooldown=0, channels=["slack"])])
    for at, failed in ((0, 300), (60, 0), (120, 300), (180, 0)):
        driver.step(a_metric(at, failed=failed))
        driver.tick(at + 15)

    assert [n.status for n in driver.notices] == ["firing", "resolved", "firing", "resolved"]
    assert len({n.dedup_key for n in driver.notices}) == 2
    assert len({n.notification_id for n in driver.notices}) == 4


def test_repeat_interval() -> None:
    """X2 While nothing changes the notice comes again after repeat_interval, with new numbers."""
    driver = Driver([a_rule(repeat_interval="1h", channels=["slack"])])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    driver.step(a_metric(3540, failed=500))
    early = driver.tick(3609)
    again = driver.tick(3610)

    assert early == []
    assert [(n.reason, n.alerts[0].value) for n in again] == [("repeat", 0.5)]


def test_grouping_timers() -> None:
    """X2 Issues of a service share notices: first after group_wait, more after group_interval."""
    driver = Driver([an_issue_rule(channels=["slack"], lasts="10m")])
    driver.feed(a_signal(0, group_id="a" * 16))
    driver.feed(a_signal(5, group_id="b" * 16))
    first = driver.tick(10)
    driver.feed(a_signal(20, group_id="c" * 16))
    early = driver.tick(309)
    added = driver.tick(310)
    some = driver.tick(615)
    rest = driver.tick(630)

    assert [(n.reason, len(n.alerts)) for n in first] == [("first", 2)]
    assert early == []
    assert [(n.reason, len(n.alerts)) for n in added] == [("member_added", 3)]
    assert [(n.reason, n.status, len(n.alerts)) for n in some] == [("some_resolved", "firing", 3)]
    assert [(n.reason, n.status, len(n.alerts)) for n in rest] == [("all_resolved", "resolved", 1)]
    assert len({n.dedup_key for n in driver.notices}) == 1


def test_a_merged_issue_is_not_told() -> None:
    """4.18 An issue that is merged within group_wait is no new one: nobody hears of it."""
    driver = Driver([an_issue_rule()])
    driver.feed(a_signal(0))
    driver.feed(a_signal(0, merged_into="00000000000000ff"), at_s=3)
    driver.tick(100)

    assert driver.notices == []
    assert driver.alerts[-1].reason == "merged into another issue"


def test_an_issue_fires_once() -> None:
    """4.18 The same signal again, also after the end of its episode, raises nothing."""
    driver = Driver([an_issue_rule(channels=["slack"], lasts="1m")])
    for at in (0, 5, 100, 200):
        driver.feed(a_signal(0), at_s=at)
        driver.tick(at + 20)
    driver.restart()
    driver.feed(a_signal(0), at_s=300)
    driver.tick(320)

    assert [n.status for n in driver.notices] == ["firing", "resolved"]


def test_an_issue_of_the_past_is_told() -> None:
    """4.18 A new issue is told although its first event is older than its episode would last."""
    driver = Driver([an_issue_rule(channels=["slack"], lasts="1h")])
    driver.feed(a_signal(0), at_s=86_400)

    assert told(driver.tick(86_410)) == [("slack", "firing")]


def test_a_removed_rule_resolves_what_it_told() -> None:
    """4.16 After a rule is removed those who were told get the resolve."""
    driver = Driver([a_rule()])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    driver.restart([])

    assert told(driver.tick(20)) == RESOLVED
    assert driver.alerts[-1].reason == "rule removed"


def test_a_changed_rule_keeps_its_episodes() -> None:
    """4.1 Another threshold is the same series: the episode goes on."""
    driver = Driver([a_rule()])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    driver.restart([a_rule(threshold=0.2)])
    driver.step(a_metric(60, failed=300))
    end = driver.step(a_metric(120, failed=100))

    assert told(end) == RESOLVED
    assert len({a.alert_id for a in driver.alerts}) == 1


def test_the_resolve_goes_to_who_was_told() -> None:
    """4.16 After a change of channels the old ones get the resolve, the new ones nothing."""
    driver = Driver([a_rule(channels=["slack"])])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    driver.restart([a_rule(channels=["email"])])

    assert told(driver.step(a_metric(60, failed=0))) == [("slack", "resolved")]


def test_a_removed_channel_is_named() -> None:
    """4.16 A channel that was told and is configured no more is counted as undeliverable."""
    driver = Driver([a_rule(channels=["slack", "pagerduty"])])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    driver.channels = frozenset({"pagerduty"})
    driver.restart([a_rule(channels=["pagerduty"])])
    end = driver.step(a_metric(60, failed=0))

    assert told(end) == [("pagerduty", "resolved")]
    assert {"channel": "slack"} in [
        n.labels for n in driver.notes if n.name == "undeliverable_notices"
    ]


def test_a_backlog_does_not_page_for_the_past() -> None:
    """While the clock is far behind and catches up, what has ended meanwhile is not told."""
    driver = Driver([a_rule()])
    for at, failed in ((0, 300), (60, 300), (120, 300), (180, 0)):
        driver.feed(a_metric(at, failed=failed), at_s=3600 + at / 10)
        driver.tick(3611 + at / 10)

    assert driver.notices == []


def test_a_lag_that_does_not_fall_holds_nothing_back() -> None:
    """A clock that stays behind does not keep first notices for ever: two minutes at most."""
    driver = Driver([a_rule()])
    driver.feed(a_metric(0, failed=300), at_s=3600)
    held = driver.tick(3700)

    assert (held, told(driver.tick(3610 + 120))) == ([], BOTH)


def test_a_huge_group_is_told_in_parts() -> None:
    """A notice has a size that fits into a message; the resolves of all still come once each."""
    driver = Driver([an_issue_rule(channels=["slack"], lasts="10m", group_interval="1m")])
    for n in range(1200):
        driver.feed(a_signal(0, group_id=f"{n:016x}"))
    for at in range(10, 1000, 30):
        driver.tick(at)
    lines = [(line.alert_id, line.state) for n in driver.notices for line in n.alerts]
    resolved = [alert_id for alert_id, state in lines if state == "resolved"]

    assert max(len(n.alerts) for n in driver.notices) == 500
    assert len(resolved) == len(set(resolved)) == 1200
    assert len({n.notification_id for n in driver.notices}) == len(driver.notices)
