"""A detector that raised: the detector says when it begins and when it ends."""

from typing import Annotated

from pydantic import StringConstraints

from pipeline.alert.rule import Rule
from pipeline.alert.verdict import Finding, Verdict
from pipeline.model.metric import Metric
from pipeline.model.signal import Signal

PREFIX = "anomaly:"


class Anomaly(Rule):
    """``condition: anomaly:<detector>``, as ``anomaly:seed.error_rate_increase``."""

    condition: Annotated[str, StringConstraints(pattern=r"^anomaly:[a-z][a-z0-9_.]*$")]

    def judge(self, message: Metric | Signal) -> Verdict | None:
        """Raise while the detector's last signal says so."""
        if not isinstance(message, Signal) or message.kind != "anomaly":
            return None
        if message.detector != self.condition.removeprefix(PREFIX):
            return None
        return Verdict(
            finding=Finding.ENDED if message.resolved else Finding.RAISED,
            as_of=message.at,
            window_start=message.window_start,
            window_end=message.window_end,
            group_id=message.group_id,
            value=message.observed,
            threshold=message.upper,
            op=">",
            numerator=message.numerator,
            denominator=message.denominator,
            subject=message.metric,
            explanation=message.explanation
            or f"{message.metric} is {message.observed:.4g}, {message.expected:.4g} was expected",
        )
