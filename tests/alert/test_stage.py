"""From metrics and signals to alerts and notices, step by step."""

import msgspec
import pytest

from pipeline.alert.verdict import Finding
from pipeline.model.partition import partition_of
from pipeline.model.stage import Note, Record, Unreadable
from tests.alert.build import (
    PARTITIONS,
    Driver,
    a_metric,
    a_rolling,
    a_rule,
    told,
)
from tests.build import AT, AT_MS

BOTH = [("pagerduty", "firing"), ("slack", "firing")]
RESOLVED = [("pagerduty", "resolved"), ("slack", "resolved")]


def test_an_incident_is_told_and_its_end_too() -> None:
    """4.16 A breach tells every channel after group_wait, and its end at once."""
    driver = Driver([a_rule()])
    at_once = driver.step(a_metric(0, failed=300))
    after_wait = driver.tick(10)
    still = driver.step(a_metric(60, failed=300))
    end = driver.step(a_metric(120, failed=0))

    assert (at_once, told(after_wait), still, told(end)) == ([], BOTH, [], RESOLVED)
    assert [a.state for a in driver.alerts] == ["firing", "firing", "resolved", "resolved"]
    assert driver.alerts[-1].settled


def test_what_a_notice_says() -> None:
    """4.8 A notice carries rule, value, threshold, window, counts, place, top issues and times."""
    driver = Driver([a_rule(labels={"team": "pay"}, runbook_url="https://r", summary="Look.")])
    driver.step(a_metric(0, failed=300))
    notice = driver.tick(10)[0]
    line = notice.alerts[0]

    assert (line.rule, line.value, line.op, line.threshold, line.window_s) == (
        "High Error Rate",
        0.3,
        ">",
        0.05,
        300,
    )
    assert (line.numerator, line.denominator, line.labels) == (300, 1000, {"team": "pay"})
    assert (notice.service, notice.environment, notice.severity) == (
        "shop",
        "production",
        "critical",
    )
    assert (notice.links, [i.n for i in notice.top]) == ({"runbook": "https://r"}, [41])
    assert line.explanation.startswith("Look. Since 2026-11-24 12:00:00 UTC: error_rate is 0.3")
    assert "300 of 1000 requests failed (Wilson 99 % 0.264" in line.explanation


@pytest.mark.parametrize(("lasts_s", "fires"), [(240, False), (300, True)])
def test_for(lasts_s: int, fires: bool) -> None:  # noqa: FBT001  the expected value
    """4.7 With for=5m a breach of 4 min is silent, one of 5 min fires once."""
    driver = Driver([a_rule(**{"for": "5m"})])
    for at in range(0, lasts_s + 60, 60):
        driver.step(a_metric(at, failed=300))
    driver.tick(lasts_s + 30)
    driver.step(a_metric(lasts_s + 60, failed=0))

    assert told(driver.notices) == ([*BOTH, *RESOLVED] if fires else [])


def test_for_survives_a_restart() -> None:
    """X1 A restart in the middle of `for` neither forgets the breach nor begins it anew."""
    driver = Driver([a_rule(**{"for": "2m"})])
    driver.step(a_metric(0, failed=300))
    driver.restart()
    driver.step(a_metric(60, failed=300))
    driver.restart()
    driver.step(a_metric(120, failed=300))

    assert told(driver.tick(130)) == BOTH
    assert driver.alerts[0].started_at == driver.alerts[-1].started_at == AT


def test_keep_firing_for() -> None:
    """X1 A gap shorter than keep_firing_for is bridged; the end counts from the last breach."""
    driver = Driver([a_rule(keep_firing_for="2m")])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    driver.step(a_metric(60, failed=0))
    driver.restart()
    driver.step(a_metric(120, failed=300))
    driver.step(a_metric(180, failed=0))
    early = driver.step(a_metric(240, failed=0))
    end = driver.step(a_metric(300, failed=0))

    assert (early, told(end)) == ([], RESOLVED)
    assert len({a.alert_id for a in driver.alerts}) == 1


def test_an_episode_that_ends_before_its_first_notice_is_not_told() -> None:
    """What is over within group_wait is recorded, and announced to nobody."""
    driver = Driver([a_rule(group_wait="90s")])
    driver.step(a_metric(0, failed=300))
    driver.step(a_metric(60, failed=0))
    driver.tick(1000)

    assert driver.notices == []
    assert [a.state for a in driver.alerts] == ["firing", "resolved"]


def test_no_data_is_no_alert() -> None:
    """4.3 A metric without data raises nothing, but the state says NO_DATA and it is counted."""
    rule = a_rule(condition="memory_usage_percent", threshold=90)
    driver = Driver([rule])
    driver.step(a_metric(0))
    verdict = driver.stage.verdict(rule.series_of(a_metric()))

    assert verdict is not None
    assert verdict.finding is Finding.NO_DATA
    assert driver.log == []
    assert driver.notes == [Note("alert_no_data", {"rule": rule.name})]


def test_a_dead_service_is_no_all_clear() -> None:
    """4.3 A firing alert without data goes on firing, and resolves after a day."""
    driver = Driver([a_rule(channels=["slack"], repeat_interval="7d")])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    silent = driver.step(a_metric(60, failed=0, of=0))
    still = driver.step(a_metric(86_400, failed=0, of=0))
    end = driver.step(a_metric(86_460, failed=0, of=0))

    assert (silent, still) == ([], [])
    assert [(n.status, n.reason) for n in end] == [("resolved", "all_resolved")]
    assert driver.alerts[-1].reason == "no data for a day"


def test_a_series_that_falls_silent_resolves_after_a_day() -> None:
    """4.3 If no metric comes at all any more, the alert resolves after a day of wall time."""
    driver = Driver([a_rule(channels=["slack"], repeat_interval="7d")])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    early = driver.tick(86_399)
    end = driver.tick(86_400)

    assert (early, [n.status for n in end]) == ([], ["resolved"])


@pytest.mark.parametrize(("no_data", "fires"), [("keep", False), ("ok", False), ("alert", True)])
def test_no_data_policy(no_data: str, fires: bool) -> None:  # noqa: FBT001  the expected value
    """4.3 A rule may say that no data is an alert."""
    driver = Driver([a_rule(no_data=no_data)])
    driver.step(a_metric(0, failed=0, of=0))

    assert told(driver.tick(10)) == (BOTH if fires else [])


def test_the_window_counts() -> None:
    """4.5 The rule's own window is judged, not another one."""
    metric = a_metric(0, failed=300)
    quiet = metric.rolling | {300: a_rolling(300, requests=1000, error_rate=0.0)}
    driver = Driver([a_rule(window="5m", name="5"), a_rule(window="10m", name="10")])
    driver.step(msgspec.structs.replace(metric, rolling=quiet))

    assert {a.rule for a in driver.alerts} == {"10"}


def test_repeats_of_a_metric_change_nothing() -> None:
    """A metric that comes again, also after a restart, is not judged again."""
    driver = Driver([a_rule(cooldown=0)])
    timeline = [a_metric(0, failed=300), a_metric(60, failed=300), a_metric(120, failed=0)]
    for metric in timeline:
        driver.step(metric)
    n = len(driver.log)
    for metric in timeline:
        driver.feed(metric, at_s=130)
    driver.restart()
    for metric in timeline:
        driver.feed(metric, at_s=140)

    assert len(driver.log) == n


def test_keys_and_partitions() -> None:
    """4.10 An alert lies on the partition of its series, keyed by its id; a notice by channel."""
    driver = Driver([a_rule(channels=["slack"])])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    alert, notice, _ = driver.log

    assert alert.partition == partition_of(PARTITIONS, "shop", "production")
    assert alert.key == driver.alerts[0].alert_id.encode()
    assert (notice.topic, notice.partition) == ("notifications", None)
    assert notice.key == b'slack\0["High Error Rate","default","shop","production"]'


def test_ids_are_the_same_on_every_machine() -> None:
    """The ids of an episode and its notices follow from what they describe."""
    driver = Driver([a_rule(channels=["slack"])])
    driver.step(a_metric(0, failed=300))
    notice = driver.tick(10)[0]

    assert (notice.alerts[0].alert_id, notice.dedup_key, notice.notification_id) == IDS


IDS = (
    "ba05d67c-4814-51b6-a9a7-8c58c9746163",
    "c49be2ba-61ad-5499-81dd-e3b20629e9e2",
    "070c8a44-6f38-54cf-80cd-018788c2b4f3",
)


def test_an_old_episode_is_forgotten() -> None:
    """Thirty days after its end an episode gets its tombstone, also across a restart."""
    driver = Driver([a_rule()])
    driver.step(a_metric(0, failed=300))
    driver.tick(10)
    driver.step(a_metric(60, failed=0))
    driver.restart()
    driver.tick(30 * 86_400 + 59)
    before = driver.log[-1].value
    driver.tick(30 * 86_400 + 60)

    assert before is not None
    assert (driver.log[-1].value, driver.log[-1].key) == (
        None,
        driver.alerts[0].alert_id.encode(),
    )


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"service": 1}', b"\xff"])
@pytest.mark.parametrize("topic", ["metrics", "signals"])
def test_what_is_no_message_is_unreadable(topic: str, value: bytes | None) -> None:
    """A record that is no metric and no signal is refused with a reason."""
    driver = Driver([a_rule()])
    with pytest.raises(Unreadable) as caught:
        driver.stage.feed(Record(topic, 0, 0, AT_MS, None, value), AT)

    assert caught.value.reason == "schema"


def test_an_unreadable_state_is_named() -> None:
    """A state record that nobody can read is skipped and reported."""
    driver = Driver([a_rule()])
    driver.stage.recall(Record("alerts", 1, 7, AT_MS, b"x", b"{"))
    driver.stage.assign({})
    driver.tick(0)

    assert [n.name for n in driver.notes] == ["state_unreadable"]
    assert "alerts/1@7" in str(driver.notes[0].log["problem"])
