"""The report: five keys about a code base, and what it does not speak for."""

from collections import Counter
from collections.abc import Collection
from typing import Final

import msgspec

from pipeline.analysis.findings import Finding
from pipeline.analysis.rules import is_pattern
from pipeline.analysis.survey import Survey

_CLIENTS: Final = ("opentelemetry", "prometheus", "sentry", "tocsin")


class ErrorHandling(msgspec.Struct, frozen=True, kw_only=True):
    """How errors are caught; ``error_checks`` counts Go's ``if err != nil``."""

    files: dict[str, int]
    lines: dict[str, int]
    try_catch_blocks: int
    error_checks: int
    generic_catches: int
    unhandled_promises: list[str]
    error_types: dict[str, int]
    error_reporting: list[str]


class LoggingUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged, and how."""

    logging_frameworks: list[str]
    structured_logging: bool
    log_levels_used: list[str]
    console_logs: int


class Monitoring(msgspec.Struct, frozen=True):
    """Whether a monitoring client is declared, and whether it is started."""

    declared: bool
    initialised: bool


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """One handler that breaks a rule."""

    rule: str
    severity: str
    file: str
    line: int
    function: str
    snippet: str


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """What to change, and where."""

    rule: str
    severity: str
    file: str
    line: int
    advice: str


class Unread(msgspec.Struct, frozen=True):
    """A file that the report does not speak for, and why."""

    file: str
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is said of a code base."""

    error_handling: ErrorHandling
    logging_usage: LoggingUsage
    monitoring_setup: dict[str, Monitoring]
    error_patterns: list[Pattern]
    recommendations: list[Recommendation]
    skipped: list[Unread]


def report(survey: Survey, found: Collection[Finding]) -> Report:
    """Return the report of a run; ``found`` is what is to be told of its findings."""
    return Report(
        error_handling=_error_handling(survey),
        logging_usage=LoggingUsage(
            logging_frameworks=sorted(survey.frameworks()),
            structured_logging=survey.structured(),
            log_levels_used=sorted(set().union(*(facts.levels for facts in survey.facts))),
            console_logs=sum(facts.prints for facts in survey.facts),
        ),
        monitoring_setup=_monitoring(survey),
        error_patterns=[_pattern(one) for one in found if is_pattern(one.rule)],
        recommendations=[_recommendation(one) for one in found],
        skipped=[Unread(*one) for one in sorted(survey.skipped)],
    )


def _error_handling(survey: Survey) -> ErrorHandling:
    """Sum what files say about errors."""
    facts = sorted(survey.facts, key=lambda one: one.path)
    languages = sorted({one.language for one in facts})
    types = Counter(name for one in facts for name in one.errors)
    return ErrorHandling(
        files={name: sum(one.language == name for one in facts) for name in languages},
        lines={name: sum(f.lines for f in facts if f.language == name) for name in languages},
        try_catch_blocks=sum(one.tries for one in facts),
        error_checks=sum(one.error_checks for one in facts),
        generic_catches=sum(one.generic for one in facts),
        unhandled_promises=[f"{one.path}:{line}" for one in facts for line, _ in one.floating],
        error_types=dict(sorted(types.items())),
        error_reporting=[f"{one.path}:{line}" for one in facts for line in sorted(one.reports)],
    )


def _monitoring(survey: Survey) -> dict[str, Monitoring]:
    """Return what is known of each monitoring client."""
    declared = {client for package in survey.packages for client, _ in package.monitoring()}
    started = survey.initialised()
    return {name: Monitoring(name in declared, name in started) for name in _CLIENTS}


def _pattern(finding: Finding) -> Pattern:
    """Return a finding about a handler."""
    return Pattern(
        rule=finding.rule,
        severity=finding.severity,
        file=finding.file,
        line=finding.line,
        function=finding.function,
        snippet=finding.snippet,
    )


def _recommendation(finding: Finding) -> Recommendation:
    """Return what a finding asks for."""
    return Recommendation(
        rule=finding.rule,
        severity=finding.severity,
        file=finding.file,
        line=finding.line,
        advice=finding.advice,
    )


def as_json(made: Report) -> str:
    """Return a report as JSON; the same tree gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
