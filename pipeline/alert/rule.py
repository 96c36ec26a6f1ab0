"""What a rule is; the conditions in ``conditions/`` add what they need."""

import re
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from pipeline.alert.verdict import Verdict
from pipeline.model.metric import Metric
from pipeline.model.signal import Signal

Severity = Literal["critical", "warning", "info"]
RANK: dict[str, int] = {"info": 0, "warning": 1, "critical": 2}

_DURATION = re.compile(r"\s{0,9}(\d{1,9})\s{0,9}(s|sec|m|min|h|d)?\s{0,9}")
_UNIT_S = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def seconds(value: Any) -> int:
    """Return a duration like ``90``, ``30s``, ``5m``, ``5 min``, ``4h`` or ``1d`` in seconds."""
    found = _DURATION.fullmatch(str(value)) if not isinstance(value, bool) else None
    if found is None:
        raise ValueError(f"{value!r} is no duration: write seconds, or a number with s, m, h or d")
    return int(found[1]) * _UNIT_S[found[2] or "s"]


Seconds = Annotated[
    int,
    BeforeValidator(seconds),
    WithJsonSchema({"type": ["integer", "string"], "pattern": r"^\d{1,9}\s*(s|sec|m|min|h|d)?$"}),
]


class Label(StrEnum):
    """The labels of a series that a rule can match."""

    PROJECT = "project"
    SERVICE = "service"
    ENVIRONMENT = "environment"


class Series(msgspec.Struct, frozen=True, order=True):
    """What an episode is about; with the rule's name it survives changes of thresholds."""

    rule: str
    project: str
    service: str
    environment: str
    group_id: str = ""


def one_or_many(value: Any) -> Any:
    """Return a single pattern as a list of one."""
    return [value] if isinstance(value, str) else value


Patterns = Annotated[
    tuple[str, ...],
    BeforeValidator(one_or_many),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Rule(BaseModel):
    """What every rule has, whatever its condition."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )

    # Values come again and again; signals come once, so that nothing can last or linger.
    judges_values: ClassVar[bool] = False

    name: str = Field(min_length=1, max_length=200)
    condition: str
    severity: Severity = "warning"
    channels: tuple[str, ...] = Field(min_length=1, description="each is told, independently")
    match: dict[Label, Patterns] = Field(default={}, description="label: pattern, or patterns")
    for_s: Seconds = Field(default=0, alias="for", description="a breach must last this long")
    keep_firing_for: Seconds = Field(default=0, description="after the last breach")
    cooldown: Seconds = Field(default=900, description="between firing notices of a series")
    group_wait: Seconds = Field(default=10, description="before the first notice of a group")
    group_interval: Seconds = Field(default=300, description="between notices of a group")
    repeat_interval: Seconds = Field(default=14_400, description="while nothing changes")
    no_data: Literal["keep", "alert", "ok"] = "keep"
    labels: dict[str, str] = {}
    runbook_url: str = ""
    summary: str = Field(default="", description="a sentence for people, added to each notice")

    @model_validator(mode="after")
    def _only_values_last(self) -> Self:
        """Refuse what would wait for messages that never come."""
        if not self.judges_values and (self.for_s or self.keep_firing_for):
            raise ValueError(f"`for` and `keep_firing_for` are for metrics, not {self.condition}")
        return self

    def concerns(self, series: Series) -> bool:
        """Whether a series carries the labels that the rule matches."""
        return all(
            any(fnmatchcase(getattr(series, label), pattern) for pattern in patterns)
            for label, patterns in self.match.items()
        )

    def judge(self, message: Metric | Signal) -> Verdict | None:
        """Return what the condition says of a message, None if it is not about such messages."""
        raise NotImplementedError

    def has_ended(self, age_s: float) -> bool:
        """Whether an episode ends that was due for its first notice so long ago."""
        del age_s
        return False

    def series_of(self, message: Metric | Signal, group_id: str = "") -> Series:
        """Return the series of this rule that a message is about."""
        return Series(self.name, message.project, message.service, message.environment, group_id)
