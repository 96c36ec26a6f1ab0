"""Values for tests of the analysis: facts and reports of texts."""

from textwrap import dedent

from pipeline.analysis.facts import Facts
from pipeline.analysis.findings import Finding, findings
from pipeline.analysis.languages import language_of
from pipeline.analysis.report import Report, report
from pipeline.analysis.survey import Survey
from pipeline.analysis.text import is_test


def facts_of(path: str, text: str) -> Facts:
    """Return what a text says, indented as it may be."""
    language = language_of(path)
    assert language is not None
    facts = Facts(path, language.name, test=is_test(path))
    language.read(facts, dedent(text))
    return facts


def findings_of(path: str, text: str) -> list[Finding]:
    """Return what is wrong in a text."""
    return findings(facts_of(path, text), dedent(text))


def rules_of(path: str, text: str) -> list[tuple[str, str, int]]:
    """Return the rules a text breaks, with severity and line."""
    return [(one.rule, one.severity, one.line) for one in findings_of(path, text)]


def a_survey(files: dict[str, str | bytes]) -> Survey:
    """Return a run over files."""
    survey = Survey()
    for path, text in files.items():
        survey.add(path, dedent(text).encode() if isinstance(text, str) else text)
    return survey


def a_report(files: dict[str, str | bytes]) -> Report:
    """Return the report of files."""
    survey = a_survey(files)
    return report(survey, survey.findings())
