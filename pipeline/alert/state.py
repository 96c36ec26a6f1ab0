"""The state machine of one episode: each step answers with its reason."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pipeline.alert.rule import Rule
from pipeline.alert.verdict import Finding
from pipeline.model.alert import State

# A firing alert without data stays: a dead service is no all-clear. Not for ever, though.
NO_DATA_S = 86_400


class Change(StrEnum):
    """Why an episode is in the state it is in."""

    BEGAN = "condition met, waiting for `for`"
    FIRED = "condition met"
    NOT_LONG_ENOUGH = "condition ended within `for`"
    CALM = "condition ended, kept firing"
    AGAIN = "condition met again"
    RESOLVED = "condition ended"
    DATA_LOST = "no data"
    NO_DATA_TOO_LONG = "no data for a day"
    MERGED = "merged into another issue"
    LAPSED = "lasted as long as such an alert may"
    RULE_REMOVED = "rule removed"
    TOLD = "notice sent"


class Step(NamedTuple):
    """The next state and why."""

    state: State
    change: Change


def next_step(
    rule: Rule, state: State | None, since: datetime, finding: Finding, as_of: datetime
) -> Step | None:
    """Return what follows from one verdict, None if nothing changes.

    ``state`` is None without an open episode; ``since`` is the event time at which it began.
    """
    if finding is Finding.MERGED:
        return Step("resolved", Change.MERGED) if state else None
    if finding.is_unknown:
        if rule.no_data == "keep":
            return _without_data(state, since, as_of)
        holds = rule.no_data == "alert"
    else:
        holds = finding.holds
    lasted_s = (as_of - since).total_seconds()
    return _met(rule, state, lasted_s) if holds else _not_met(rule, state, lasted_s)


def _met(rule: Rule, state: State | None, lasted_s: float) -> Step | None:
    """Step on when the condition holds."""
    if state is None:
        return Step("pending", Change.BEGAN) if rule.for_s else Step("firing", Change.FIRED)
    if state == "pending":
        return Step("firing", Change.FIRED) if lasted_s >= rule.for_s else None
    return Step("firing", Change.AGAIN) if state in {"keeping", "no_data"} else None


def _not_met(rule: Rule, state: State | None, lasted_s: float) -> Step | None:
    """Step on when the condition does not hold."""
    if state is None:
        return None
    if state == "pending":
        return Step("resolved", Change.NOT_LONG_ENOUGH)
    if state == "keeping":
        return Step("resolved", Change.RESOLVED) if lasted_s >= rule.keep_firing_for else None
    if rule.keep_firing_for:
        return Step("keeping", Change.CALM)
    return Step("resolved", Change.RESOLVED)


def _without_data(state: State | None, since: datetime, as_of: datetime) -> Step | None:
    """Step on when nobody knows whether the condition holds."""
    if state is None:
        return None
    if state == "pending":
        return Step("resolved", Change.DATA_LOST)
    if state == "no_data":
        too_long = (as_of - since).total_seconds() >= NO_DATA_S
        return Step("resolved", Change.NO_DATA_TOO_LONG) if too_long else None
    return Step("no_data", Change.DATA_LOST)
