"""Values for the tests of the alert stage, and a driver that keeps what it sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pipeline.alert.conditions import AnyRule, RuleFile
from pipeline.alert.rule import Rule
from pipeline.alert.stage import AlertStage
from pipeline.model.alert import Alert
from pipeline.model.metric import WINDOWS_S, Metric, Rolling, TopIssue
from pipeline.model.notification import Notification
from pipeline.model.signal import Signal
from pipeline.model.stage import Note, Output, Record, Sent
from tests.build import AT

PARTITIONS = 4
CHANNELS = frozenset({"slack", "pagerduty", "email", "webhook"})


def a_rule(**changes: Any) -> AnyRule:
    """Return the shipped error-rate rule, changed."""
    rule: dict[str, Any] = {
        "name": "High Error Rate",
        "condition": "error_rate",
        "threshold": 0.05,
        "window": "5m",
        "severity": "critical",
        "channels": ["slack", "pagerduty"],
    }
    rule |= changes
    rule = {name: value for name, value in rule.items() if value is not None}
    return RuleFile.model_validate({"rules": [rule]}).rules[0]


def an_issue_rule(**changes: Any) -> AnyRule:
    """Return a rule on new issues."""
    return a_rule(
        **{"name": "New issue", "condition": "issue.new", "threshold": None, "window": None}
        | changes
    )


def a_rolling(window_s: int = 300, **values: Any) -> Rolling:
    """Return rolling values without requests, changed."""
    defaults: dict[str, Any] = {
        "covered_s": window_s,
        "requests": 0,
        "requests_failed": 0,
        "events": 0,
        "error_rate": None,
        "response_time_p50": None,
        "response_time_p95": None,
        "response_time_p99": None,
        "apdex": 1.0,
        "throughput": 0.0,
    }
    return Rolling(window_s=window_s, **(defaults | values))


def a_metric(
    at_s: float = 0,
    *,
    failed: int | None = None,
    of: int = 1000,
    service: str = "shop",
    environment: str = "production",
    **values: Any,
) -> Metric:
    """Return metrics ``at_s`` seconds after noon; ``failed`` of ``of`` requests."""
    as_of = AT + timedelta(seconds=at_s)
    if failed is not None:
        rate = failed / of if of else None
        values |= {"requests": of, "requests_failed": failed, "error_rate": rate}
    return Metric(
        project="default",
        service=service,
        environment=environment,
        number=int(at_s),
        as_of=as_of,
        window_end=as_of,
        rolling={w: a_rolling(w, **values) for w in WINDOWS_S},
        top=[TopIssue("00000000000000aa", "PaymentError: card declined", 41)],
    )


def a_signal(at_s: float = 0, **changes: Any) -> Signal:
    """Return the signal of a new issue."""
    at = AT + timedelta(seconds=at_s)
    signal = Signal(
        signal_id="5f0c0000-0000-5000-8000-000000000001",
        kind="new",
        at=at,
        window_start=at,
        window_end=at,
        project="default",
        service="shop",
        environment="production",
        group_id="00000000000000aa",
        title="PaymentError: card declined",
    )
    return msgspec.structs.replace(signal, **changes)


class Driver:
    """Feeds a stage, ticks it, and keeps what it wrote as a broker would."""

    def __init__(self, rules: Sequence[Rule], channels: frozenset[str] = CHANNELS) -> None:
        self.rules, self.channels = rules, channels
        self.log: list[Sent] = []
        self.notes: list[Note] = []
        self.stage = self._made()

    def _made(self) -> AlertStage:
        """Return a stage without state."""
        return AlertStage(rules=self.rules, channels=self.channels, partitions=PARTITIONS)

    def restart(self, rules: Sequence[Rule] | None = None) -> None:
        """Throw the stage away and build it anew from its compacted topic."""
        self.rules = self.rules if rules is None else rules
        self.stage = self._made()
        for i, sent in enumerate(s for s in self.log if s.topic == "alerts"):
            self.stage.recall(Record("alerts", sent.partition or 0, i, 0, sent.key, sent.value))
        self.stage.assign({})

    def feed(self, message: Metric | Signal, at_s: float | None = None) -> None:
        """Feed one message; the time of day is its event time unless given."""
        topic = "metrics" if isinstance(message, Metric) else "signals"
        as_of = message.as_of if isinstance(message, Metric) else message.at
        now = as_of if at_s is None else AT + timedelta(seconds=at_s)
        record = Record(topic, 0, 0, 0, b"key", msgspec.json.encode(message))
        self._keep(list(self.stage.feed(record, now)))

    def tick(self, at_s: float) -> list[Notification]:
        """Tick, and return the notices that came of it."""
        outputs = list(self.stage.tick(AT + timedelta(seconds=at_s), ()))
        self._keep(outputs)
        return notices_of(outputs)

    def step(self, message: Metric | Signal, at_s: float | None = None) -> list[Notification]:
        """Feed one message and tick at its time."""
        self.feed(message, at_s)
        as_of = message.as_of if isinstance(message, Metric) else message.at
        return self.tick((as_of - AT).total_seconds() if at_s is None else at_s)

    def _keep(self, outputs: Sequence[Output]) -> None:
        """Keep what would be on the topics, and the notes."""
        self.log += [o for o in outputs if isinstance(o, Sent)]
        self.notes += [o for o in outputs if isinstance(o, Note)]

    @property
    def alerts(self) -> list[Alert]:
        """The records of ``alerts``, in order."""
        return [
            msgspec.json.decode(s.value, type=Alert)
            for s in self.log
            if s.topic == "alerts" and s.value is not None
        ]

    @property
    def notices(self) -> list[Notification]:
        """All notices, in order."""
        return notices_of(self.log)


def notices_of(outputs: Sequence[Output]) -> list[Notification]:
    """Return the notifications among outputs."""
    return [
        msgspec.json.decode(o.value, type=Notification)
        for o in outputs
        if isinstance(o, Sent) and o.topic == "notifications" and o.value is not None
    ]


def told(notices: Sequence[Notification]) -> list[tuple[str, str]]:
    """Return channel and status of notices."""
    return [(n.channel, n.status) for n in notices]


def seconds_after(at: datetime) -> float:
    """Return how long after noon something was."""
    return (at - AT).total_seconds()
