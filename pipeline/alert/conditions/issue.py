"""Something in the life of an issue: a new one."""

from typing import Literal

from pydantic import Field

from pipeline.alert.rule import Rule, Seconds
from pipeline.alert.verdict import Finding, Verdict
from pipeline.model.metric import Metric
from pipeline.model.signal import Signal


class Issue(Rule):
    """``condition: issue.new``: each issue raises one episode, which ends by itself.

    The signal of an issue that was merged meanwhile comes again with ``merged_into``: it never
    was a new one, so it ends its episode, unannounced if nobody was told yet.
    """

    condition: Literal["issue.new"]
    lasts: Seconds = Field(default=3600, description="after its first notice was due")

    def judge(self, message: Metric | Signal) -> Verdict | None:
        """Raise for a signal of the kind."""
        if not isinstance(message, Signal) or f"issue.{message.kind}" != self.condition:
            return None
        return Verdict(
            finding=Finding.MERGED if message.merged_into else Finding.RAISED,
            as_of=message.at,
            window_start=message.window_start,
            window_end=message.window_end,
            group_id=message.group_id,
            value=message.observed or None,
            subject=message.title or message.type or message.group_id,
            explanation=message.explanation or f"a {message.kind} issue: {message.title}",
        )

    def has_ended(self, age_s: float) -> bool:
        """Whether the episode has lasted as long as it may: no message ever ends it."""
        return age_s >= self.lasts
