"""One run over a code base: files in, facts and findings out."""

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.analysis import packages
from pipeline.analysis.facts import Facts, Unparsable
from pipeline.analysis.findings import Finding, findings, located
from pipeline.analysis.languages import language_of
from pipeline.analysis.packages import Package
from pipeline.analysis.rules import NO_STRUCTURE, SEVERITIES, UNUSED_MONITORING
from pipeline.analysis.text import decoded, is_minified, is_test


class Skipped(NamedTuple):
    """A file that the report does not speak for, or not for all of it, and why."""

    file: str
    reason: str


def is_wanted(path: str) -> bool:
    """Tell whether a file of this name is read."""
    return language_of(path) is not None or packages.is_package(path.rpartition("/")[2])


class Survey:
    """Collects what is said of files; they may come in any order."""

    def __init__(self) -> None:
        self.facts: list[Facts] = []
        self.packages: list[Package] = []
        self.skipped: list[Skipped] = []
        self._found: list[Finding] = []

    def skip(self, path: str, reason: str) -> None:
        """Say that a file was not read."""
        self.skipped.append(Skipped(path, reason))

    def add(self, path: str, body: bytes) -> None:
        """Read one file; whatever is wrong with it costs its neighbours nothing."""
        try:
            text = decoded(path, body)
            if language_of(path) is None:
                self._package(path, text)
            else:
                self._source(path, text)
        except Unparsable as error:
            self.skip(path, str(error))

    def _package(self, path: str, text: str) -> None:
        """Read a package file."""
        package = packages.read(path, text)
        self.packages.append(package)
        if package.trouble:
            self.skip(path, package.trouble)

    def _source(self, path: str, text: str) -> None:
        """Read a source file."""
        language = language_of(path)
        if language is None or is_minified(text):
            raise Unparsable("minified")
        lines = text.count("\n") + (not text.endswith("\n") and bool(text))
        facts = Facts(path, language.name, lines=lines, test=is_test(path))
        language.read(facts, text)
        self.facts.append(facts)
        self._found += findings(facts, text)
        if facts.trouble:
            self.skip(path, f"{facts.trouble}; the rest was read")

    def findings(self) -> list[Finding]:
        """Return everything that is wrong, by severity, file and line."""
        return sorted([*self._found, *self._unused(), *self._unstructured()], key=_order)

    def structured(self) -> bool:
        """Tell whether log lines are JSON somewhere."""
        return any(one.structured for one in self.facts) or any(
            one.structured for one in self.packages
        )

    def frameworks(self) -> set[str]:
        """Return the logging frameworks, declared or of a standard library."""
        declared = {name for package in self.packages for name in package.frameworks()}
        return declared.union(*(facts.frameworks for facts in self.facts))

    def initialised(self) -> set[str]:
        """Return the monitoring clients that are started somewhere."""
        return set().union(*(facts.initialised for facts in self.facts))

    def _unused(self) -> Iterable[Finding]:
        """Yield the monitoring clients that are declared and never started, each once."""
        seen = self.initialised()
        for package in sorted(self.packages, key=lambda one: one.path):
            for client, declared in package.monitoring():
                if client not in seen and not packages.is_api_only(declared):
                    seen.add(client)
                    yield located(
                        UNUSED_MONITORING,
                        "medium",
                        package.path,
                        declared.line,
                        declared.package.partition("/")[2],
                    )

    def _unstructured(self) -> Iterable[Finding]:
        """Yield the first log call of a code base whose lines are plain text."""
        logging = [facts for facts in self.facts if facts.first_log and not facts.test]
        if logging and self.frameworks() and not self.structured():
            first = min(logging, key=lambda facts: facts.path)
            yield located(NO_STRUCTURE, "low", first.path, first.first_log, "")


def _order(finding: Finding) -> tuple[int, str, int, str, str]:
    """Return where a finding stands in a report."""
    return (
        SEVERITIES.index(finding.severity),
        finding.file,
        finding.line,
        finding.rule,
        finding.function,
    )
