"""What conditions say of one message."""

import pkgutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pipeline.alert.conditions
from pipeline.alert.conditions import CONDITIONS
from pipeline.alert.evidence import wilson
from pipeline.alert.verdict import Finding
from pipeline.io.rulefile import shipped_rules
from pipeline.model.metric import NAMES, Metric
from tests.alert.build import CHANNELS, a_metric, a_rule, a_signal, an_issue_rule

LITERAL = {"evidence": "none", "min_volume": 0, "min_events": 0}


def metric_of(**values: Any) -> Metric:
    """Return metrics with these rolling values."""
    return a_metric(**values)


def finding(rule: Any, message: Any) -> Finding | None:
    """Return what a rule finds, None if the message does not concern it."""
    verdict = rule.judge(message)
    return verdict.finding if verdict is not None else None


def test_every_module_is_registered() -> None:
    """A file in the folder is a condition of the registry."""
    modules = {m.name for m in pkgutil.iter_modules(pipeline.alert.conditions.__path__)}

    assert modules == {c.__module__.rpartition(".")[2] for c in CONDITIONS}


@pytest.mark.parametrize(
    ("failed", "of", "expected"),
    [
        (0, 0, Finding.NO_DATA),
        (0, 100, Finding.WITHIN),
        (50, 1000, Finding.WITHIN),
        (1, 1, Finding.TOO_FEW_REQUESTS),
        (4, 4, Finding.TOO_FEW_REQUESTS),
        (4, 5, Finding.TOO_FEW_EVENTS),
        (5, 34, Finding.BREACH),
        (5, 35, Finding.NOT_PROVEN),
        (60, 1000, Finding.NOT_PROVEN),
        (80, 1000, Finding.BREACH),
        (5, 5, Finding.BREACH),
    ],
)
def test_evidence(failed: int, of: int, expected: Finding) -> None:
    """X12 A rate fires when chance does not explain it: 1 of 1 never does, 5 of 34 does at 5 %."""
    assert finding(a_rule(), a_metric(failed=failed, of=of)) == expected


@pytest.mark.parametrize(
    ("op", "failed", "expected"),
    [
        (">", 51, Finding.BREACH),
        (">", 50, Finding.WITHIN),
        (">=", 50, Finding.BREACH),
        ("<", 50, Finding.WITHIN),
        ("<", 49, Finding.BREACH),
        ("<=", 50, Finding.BREACH),
    ],
)
def test_literal_evidence(op: str, failed: int, expected: Finding) -> None:
    """4.2 With `evidence: none` a rule fires just past its threshold, and 4.4 where op points."""
    assert finding(a_rule(op=op, evidence="none"), a_metric(failed=failed)) == expected


def test_a_rate_below_a_threshold_has_to_be_proven_too() -> None:
    """X12 A `<` rule uses the upper bound of the rate, and needs no failures."""
    rule = a_rule(op="<")

    assert finding(rule, a_metric(failed=0, of=10)) is Finding.NOT_PROVEN
    assert finding(rule, a_metric(failed=0, of=1000)) is Finding.BREACH


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_the_interval_holds_the_rate(k: int, n: int) -> None:
    """Wilson's bounds lie around the rate and between 0 and 1."""
    k = min(k, n)
    low, high = wilson(k, n)

    assert 0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1


def test_wilson_of_one_in_one() -> None:
    """The bound alone does not stop 1 of 1: min_events does."""
    assert round(wilson(1, 1)[0], 3) == 0.131


def test_counts_need_a_full_window_to_be_low() -> None:
    """A window that has only begun to fill is no drop in traffic."""
    rule = a_rule(condition="requests", op="<", threshold=100)

    assert finding(rule, a_metric(requests=10, covered_s=60)) is Finding.NOT_COVERED
    assert finding(rule, a_metric(requests=10)) is Finding.BREACH


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_can_be_a_condition(name: str) -> None:
    """4.4 Each metric of the topic compares by the rule's op, whatever its name."""
    rule = a_rule(condition=name, op="<", threshold=0.5, **LITERAL)

    assert finding(rule, metric_of(**{name: 0.4})) is Finding.BREACH
    assert finding(rule, metric_of(**{name: 0.6})) is Finding.WITHIN


@pytest.mark.parametrize(
    ("name", "metric", "window_s", "severity", "at", "past"),
    [
        ("High Error Rate", "error_rate", 300, "critical", 0.05, 0.0501),
        ("Response Time Degradation", "response_time_p95", 600, "warning", 1000, 1000.1),
        ("Memory Usage Critical", "memory_usage_percent", 300, "critical", 90, 90.1),
        ("Disk Space Low", "disk_free_percent", 900, "warning", 10, 9.9),
    ],
)
def test_shipped_rules(
    name: str, metric: str, window_s: int, severity: str, at: float, past: float
) -> None:
    """4.2 The shipped rules are the four; each fires just past its threshold and not at it."""
    rule = next(r for r in shipped_rules(CHANNELS) if r.name == name)
    literal = rule.model_copy(update={"evidence": "none"} if metric == "error_rate" else {})

    assert (rule.condition, getattr(rule, "window", 0), rule.severity, rule.cooldown) == (
        metric,
        window_s,
        severity,
        900,
    )
    assert finding(literal, metric_of(**{metric: at}, requests=10)) is Finding.WITHIN
    assert finding(literal, metric_of(**{metric: past}, requests=10)) is Finding.BREACH


def test_the_channels_of_the_shipped_rules() -> None:
    """4.2 The shipped rules name slack, pagerduty and email; what is not configured is left out."""
    everything = {rule.name: rule.channels for rule in shipped_rules(CHANNELS)}

    assert everything == {
        "High Error Rate": ("slack", "pagerduty"),
        "Response Time Degradation": ("slack",),
        "Memory Usage Critical": ("slack", "pagerduty"),
        "Disk Space Low": ("slack", "email"),
    }
    assert {rule.channels for rule in shipped_rules(())} == {()}


def test_a_new_issue() -> None:
    """4.18 A rule on new issues hears of new issues only."""
    rule = an_issue_rule()

    assert finding(rule, a_signal()) is Finding.RAISED
    assert finding(rule, a_signal(merged_into="00000000000000bb")) is Finding.MERGED
    assert finding(rule, a_signal(kind="regressed")) is None
    assert finding(rule, a_metric()) is None


def test_an_anomaly() -> None:
    """A rule on a detector follows its raises and resolves, and no other detector's."""
    rule = a_rule(condition="anomaly:seed.error_rate_increase", threshold=None, window=None)
    signal = a_signal(kind="anomaly", detector="seed.error_rate_increase", group_id="")
    other = a_signal(kind="anomaly", detector="seed.response_time_spike", group_id="")
    end = a_signal(kind="anomaly", detector="seed.error_rate_increase", group_id="", resolved=True)

    assert [finding(rule, s) for s in (signal, other, end)] == [
        Finding.RAISED,
        None,
        Finding.ENDED,
    ]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"service": "shop"}, True),
        ({"service": ["cart", "sh*"]}, True),
        ({"service": "cart"}, False),
        ({"service": "shop", "environment": "staging"}, False),
    ],
)
def test_matchers(match: dict[str, Any], expected: bool) -> None:  # noqa: FBT001  the expected value
    """4.1 A rule concerns the series whose labels it matches."""
    rule = a_rule(match=match)

    assert rule.concerns(rule.series_of(a_metric())) is expected
