"""One module per condition of a rule, and the union that names them all."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Tag

from pipeline.alert.conditions.anomaly import PREFIX, Anomaly
from pipeline.alert.conditions.issue import Issue
from pipeline.alert.conditions.threshold import Threshold
from pipeline.alert.rule import Rule

CONDITIONS: tuple[type[Rule], ...] = (Threshold, Issue, Anomaly)


def kind_of(rule: Any) -> str:
    """Return which model of the union a rule's ``condition`` belongs to.

    The tags are in parentheses, so that in the place of an error they are no keys of the file.
    """
    name = rule.get("condition", "") if isinstance(rule, dict) else getattr(rule, "condition", "")
    if str(name).startswith("issue."):
        return "(issue)"
    return "(anomaly)" if str(name).startswith(PREFIX) else "(threshold)"


AnyRule = Annotated[
    Annotated[Threshold, Tag("(threshold)")]
    | Annotated[Issue, Tag("(issue)")]
    | Annotated[Anomaly, Tag("(anomaly)")],
    Discriminator(kind_of),
]


class RuleFile(BaseModel):
    """A file of rules."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Tocsin rules")

    rules: tuple[AnyRule, ...] = ()
