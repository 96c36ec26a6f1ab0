"""The contract of notices, over random timelines."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alert.rule import Rule
from pipeline.model.notification import Notification
from tests.alert.build import Driver, a_metric, a_rule, a_signal, an_issue_rule

RULES: list[Rule] = [
    a_rule(name="plain", cooldown="2m"),
    a_rule(name="lasting", **{"for": "2m"}, channels=["webhook"], repeat_interval="5m"),
    a_rule(name="lingering", keep_firing_for="3m", channels=["email", "slack"]),
    an_issue_rule(lasts="4m", group_interval="1m", channels=["slack"]),
]
REROUTED: list[Rule] = [rule.model_copy(update={"channels": ("email",)}) for rule in RULES]

STEP = st.one_of(
    st.tuples(st.just("rate"), st.sampled_from(["shop", "cart"]), st.sampled_from([0, 900, None])),
    st.tuples(st.just("issue"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("pass"), st.integers(0, 400), st.none()),
    st.tuples(st.just("restart"), st.just(0), st.none()),
    st.tuples(st.just("rules"), st.sampled_from([0, 1, 2, 3]), st.none()),
)


def play(driver: Driver, steps: Sequence[tuple[str, object, object]]) -> None:
    """Play a timeline, then let everything end."""
    at = 0
    for kind, subject, value in steps:
        at += 30
        if kind == "rate":
            failed = value if isinstance(value, int) else None
            driver.feed(a_metric(at, failed=failed, service=str(subject)))
        elif kind == "issue":
            root = "00000000000000ff" if value else ""
            driver.feed(a_signal(at, group_id=f"{subject:016}", merged_into=root))
        elif kind == "pass":
            assert isinstance(subject, int)
            at += subject
        elif kind == "restart":
            driver.restart()
        else:
            driver.restart([RULES, REROUTED, RULES[1:], []][int(str(subject))])
        driver.tick(at)
    driver.restart(RULES)
    for service in ("shop", "cart"):
        driver.feed(a_metric(at + 60, failed=0, service=service))
    for after in range(60, 1200, 60):
        for service in ("shop", "cart"):
            driver.feed(a_metric(at + after, failed=0, service=service))
        driver.tick(at + after)


def mentions(notices: Sequence[Notification], state: str) -> Counter[tuple[str, str]]:
    """Count how often each channel heard of each episode in this state."""
    return Counter(
        (n.channel, line.alert_id) for n in notices for line in n.alerts if line.state == state
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_who_was_told_of_a_firing_is_told_of_its_end_once(
    steps: list[tuple[str, object, object]],
) -> None:
    """4.16 Whoever got a firing notice gets exactly one resolved notice, and nobody else does."""
    driver = Driver(RULES)
    play(driver, steps)
    firing, resolved = mentions(driver.notices, "firing"), mentions(driver.notices, "resolved")

    assert set(firing) == set(resolved)
    assert set(resolved.values()) <= {1}


@settings(max_examples=200, deadline=None)
@given(st.lists(STEP, max_size=30))
def test_no_episode_fires_after_its_end(steps: list[tuple[str, object, object]]) -> None:
    """A channel hears of no episode again after its resolve, and no notification id comes twice."""
    driver = Driver(RULES)
    play(driver, steps)
    over: set[tuple[str, str]] = set()
    for notice in driver.notices:
        for line in notice.alerts:
            assert (notice.channel, line.alert_id) not in over
            if line.state == "resolved":
                over.add((notice.channel, line.alert_id))
    ids = [n.notification_id for n in driver.notices]

    assert len(ids) == len(set(ids))


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=30))
def test_a_restart_after_each_step_changes_nothing(steps: list[tuple[str, object, object]]) -> None:
    """4.6 A stage rebuilt from `alerts` after every step sends what one that lived on sends."""
    steady = [step for step in steps if step[0] not in {"restart", "rules"}]
    once, often = Driver(RULES), Driver(RULES)
    # A restart takes 30 s of the timeline, so that the other one gets pauses of 30 s.
    play(once, [s for step in steady for s in (step, ("pass", 0, None))])
    play(often, [s for step in steady for s in (step, ("restart", 0, None))])

    assert [decisions(n) for n in once.notices] == [decisions(n) for n in often.notices]
    assert [(a.alert_id, a.seq, a.state, a.reason) for a in once.alerts] == [
        (a.alert_id, a.seq, a.state, a.reason) for a in often.alerts
    ]


def decisions(notice: Notification) -> list[object]:
    """Return what was decided; the numbers of a repeat are those of the last metric seen."""
    lines = [(line.alert_id, line.state) for line in notice.alerts]
    return [notice.notification_id, notice.channel, notice.reason, notice.created_at, lines]
