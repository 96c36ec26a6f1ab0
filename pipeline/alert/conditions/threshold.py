"""A metric over a rolling window, compared with a threshold."""

import operator
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from pipeline.alert.evidence import wilson
from pipeline.alert.rule import Rule, Seconds
from pipeline.alert.verdict import Finding, Verdict
from pipeline.model.metric import NAMES, WINDOWS_S, Metric, Rolling
from pipeline.model.signal import Signal

Op = Literal[">", ">=", "<", "<="]
OPS: dict[Op, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
RATIOS = frozenset({"error_rate"})
# What a window that has only begun to fill understates.
SUMS = frozenset({"requests", "events", "throughput"})


def is_a_window(value: int) -> int:
    """Return a window that ``metrics`` carries, or raise ValueError that lists them."""
    if value not in WINDOWS_S:
        known = ", ".join(f"{s // 60} min" for s in WINDOWS_S)
        raise ValueError(f"{value} s is no rolling window; there are {known}")
    return value


def is_a_metric(value: str) -> str:
    """Return the name of a metric, or raise ValueError that lists them."""
    if value not in NAMES:
        raise ValueError(f"{value!r} is no metric; there are {', '.join(NAMES)}")
    return value


class Threshold(Rule):
    """``condition: error_rate`` with ``op``, ``threshold`` and ``window``."""

    judges_values: ClassVar[bool] = True

    condition: Annotated[
        str, AfterValidator(is_a_metric), WithJsonSchema({"type": "string", "enum": list(NAMES)})
    ]
    op: Op = ">"
    threshold: float = Field(allow_inf_nan=False)
    window: Annotated[Seconds, AfterValidator(is_a_window)]
    evidence: Literal["wilson99", "none"] | None = Field(
        default=None, description="wilson99 for rates unless said otherwise"
    )
    min_volume: int | None = Field(default=None, ge=0, description="requests in the window")
    min_events: int | None = Field(default=None, ge=0, description="failures in the window")

    @model_validator(mode="after")
    def _evidence_needs_a_rate(self) -> Self:
        """Refuse an interval where there is no share of requests."""
        if self.evidence == "wilson99" and self.condition not in RATIOS:
            raise ValueError(f"evidence wilson99 is for rates, and {self.condition} is none")
        return self

    @property
    def wants_proof(self) -> bool:
        """Whether chance has to be ruled out."""
        return self.condition in RATIOS and self.evidence != "none"

    def judge(self, message: Metric | Signal) -> Verdict | None:
        """Compare the metric's rolling value with the threshold."""
        if not isinstance(message, Metric):
            return None
        rolling = message.rolling.get(self.window)
        value = None if rolling is None else getattr(rolling, self.condition)
        is_rate = rolling is not None and self.condition in RATIOS
        return Verdict(
            finding=self._finding(rolling, value),
            as_of=message.as_of,
            window_start=message.window_end - timedelta(seconds=self.window),
            window_end=message.window_end,
            value=value,
            threshold=self.threshold,
            op=self.op,
            window_s=self.window,
            numerator=rolling.requests_failed if rolling is not None and is_rate else 0,
            denominator=rolling.requests if rolling is not None else 0,
            explanation=self._explain(rolling, value),
            top=message.top,
        )

    def _finding(self, rolling: Rolling | None, value: float | None) -> Finding:
        """Say whether the condition holds, and if not why."""
        if rolling is None or value is None:
            return Finding.NO_DATA
        below = self.op in {"<", "<="}
        if below and self.condition in SUMS and rolling.covered_s < self.window:
            return Finding.NOT_COVERED
        holds = OPS[self.op]
        if not holds(value, self.threshold):
            return Finding.WITHIN
        floor = 5 if self.wants_proof else 0
        if rolling.requests < (floor if self.min_volume is None else self.min_volume):
            return Finding.TOO_FEW_REQUESTS
        if self.condition not in RATIOS:
            return Finding.BREACH
        least = (0 if below else floor) if self.min_events is None else self.min_events
        if rolling.requests_failed < least:
            return Finding.TOO_FEW_EVENTS
        if not self.wants_proof:
            return Finding.BREACH
        low, high = wilson(rolling.requests_failed, rolling.requests)
        return (
            Finding.BREACH
            if holds(high if below else low, self.threshold)
            else (Finding.NOT_PROVEN)
        )

    def _explain(self, rolling: Rolling | None, value: float | None) -> str:
        """Return the comparison in words, with the numbers behind a rate."""
        rule = f"{self.condition} {self.op} {self.threshold:g} over {self.window // 60} min"
        if rolling is None or value is None:
            return f"no data for {rule}"
        text = f"{self.condition} is {value:.4g}; the rule is {rule}"
        if self.condition not in RATIOS:
            return text
        low, high = wilson(rolling.requests_failed, rolling.requests)
        return (
            f"{text}; {rolling.requests_failed} of {rolling.requests} requests failed"
            f" (Wilson 99 % {low:.4g} to {high:.4g})"
        )
