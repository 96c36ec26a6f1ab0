"""A run as records for Kafka: every handler, and every finding."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from pipeline.analysis.facts import Facts, Handler
from pipeline.analysis.findings import Finding
from pipeline.analysis.rules import is_pattern, swallows
from pipeline.model.analysis import AnalysisRecord
from pipeline.scrub.walk import scrub


class Run(NamedTuple):
    """Whose code was read, and when."""

    service: str
    revision: str
    at: datetime

    @property
    def id(self) -> str:
        """The id of the run: the same run has the same."""
        parts = f"tocsin/analysis/{self.service}/{self.revision}/{self.at.isoformat()}"
        return str(uuid5(NAMESPACE_URL, parts))


def records(run: Run, facts: Iterable[Facts], found: Iterable[Finding]) -> Iterator[AnalysisRecord]:
    """Yield the records of a run, lines of source without their secrets."""
    for file in sorted(facts, key=lambda one: one.path):
        for handler in file.handlers:
            yield _handler(run, file, handler)
    for finding in found:
        yield _finding(run, finding)


def _handler(run: Run, file: Facts, handler: Handler) -> AnalysisRecord:
    """Return a handler, whether anything is wrong with it or not."""
    return AnalysisRecord(
        run_id=run.id,
        run_at=run.at,
        service=run.service,
        revision=run.revision,
        language=file.language,
        kind="handler",
        file=file.path,
        line=handler.line,
        function=handler.function,
        error_types=handler.caught,
        swallows=swallows(handler) is not None,
    )


def _finding(run: Run, finding: Finding) -> AnalysisRecord:
    """Return a finding."""
    return AnalysisRecord(
        run_id=run.id,
        run_at=run.at,
        service=run.service,
        revision=run.revision,
        language=finding.language,
        kind="pattern" if is_pattern(finding.rule) else "recommendation",
        rule=finding.rule,
        severity=finding.severity,
        file=finding.file,
        line=finding.line,
        function=finding.function,
        error_types=finding.error_types,
        swallows=finding.swallows,
        snippet=str(scrub(finding.snippet)),
        advice=finding.advice,
    )
