"""``tocsin analyze``: where a code base loses its errors."""

import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import Data, complain, reachable

if TYPE_CHECKING:
    from pipeline.analysis.findings import Finding
    from pipeline.analysis.survey import Survey


class Format(StrEnum):
    """What a report is written as."""

    MARKDOWN = "markdown"
    JSON = "json"
    SARIF = "sarif"


class FailOn(StrEnum):
    """The least severity that fails a run."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def analyze(
    data: Data,
    path: Annotated[Path, typer.Argument(help="A folder or a file.")],
    format: Annotated[Format, typer.Option("--format", help="The report's.")] = Format.MARKDOWN,  # noqa: A002
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file instead of standard output.")
    ] = None,
    fail_on: Annotated[
        FailOn | None, typer.Option("--fail-on", help="Exit 1 on a finding this severe or worse.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="A file of findings that are known.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option("--write-baseline", help="Write what is found as known.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="A pattern of paths to leave out.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Send every handler and finding to topic logs.")
    ] = False,
    service: Annotated[
        str, typer.Option("--service", help="Whose code it is; for --publish.")
    ] = "",
    revision: Annotated[str, typer.Option("--revision", help="Its revision; for --publish.")] = "",
) -> None:
    """Report where code swallows errors, retries without pause, logs without structure.

    Python, JavaScript, TypeScript, Java and Go; package files tell what is declared. A comment
    `tocsin: ignore[RULE]` in a line, or alone above it, switches a rule off there. Exit code 1
    with --fail-on, 2 for what could not be done.

    Examples: `tocsin analyze .`, `tocsin analyze src --format sarif -o errors.sarif --fail-on high`
    """
    known = _known(baseline)
    if publish and not service:
        _stop("--publish wants --service NAME: whose code it is")
    survey = _surveyed(path, exclude or [])
    found = survey.findings()
    if write_baseline:
        from pipeline.analysis.baseline import written

        _write(write_baseline, written(found))
    from pipeline.analysis.baseline import unknown

    new = unknown(found, known)
    text = _rendered(survey, new, Format.JSON if json else format)
    if output:
        _write(output, text)
    else:
        sys.stdout.write(text)
    _tell(survey, found, new)
    if publish:
        _publish(data, survey, found, service, revision)
    _fail(new, fail_on)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(analyze)


def _stop(sentence: str) -> None:
    """Say what cannot be done; exit code 2."""
    complain(sentence)
    raise typer.Exit(2)


def _known(baseline: Path | None) -> Counter[str]:
    """Return the findings that are known."""
    from pipeline.analysis.baseline import read
    from pipeline.analysis.facts import Unparsable

    if baseline is None:
        return Counter()
    try:
        return read(baseline.read_bytes())
    except OSError as error:
        complain(f"--baseline {baseline}: {error.strerror}")
        raise typer.Exit(2) from error
    except Unparsable as error:
        complain(f"--baseline {baseline}: {error}")
        raise typer.Exit(2) from error


def _surveyed(path: Path, exclude: list[str]) -> "Survey":
    """Read every file, with a bar on a terminal; a folder without any is a mistake."""
    from rich.console import Console
    from rich.progress import track

    from pipeline.analysis.survey import Survey, is_wanted
    from pipeline.io import codebase

    if not path.exists():
        _stop(f"{path}: no such file or folder")
    tree = codebase.files_of(path, is_wanted, exclude)
    if not tree.files:
        _stop(f"{path}: no source and no package file in it")
    survey = Survey()
    for file, reason in tree.skipped:
        survey.skip(file, reason)
    console = Console(stderr=True)
    hidden = not console.is_terminal
    for file in track(tree.files, "reading", console=console, transient=True, disable=hidden):
        try:
            survey.add(file, codebase.read(path, file))
        except OSError as error:
            survey.skip(file, error.strerror or str(error))
    return survey


def _rendered(survey: "Survey", new: "list[Finding]", format: Format) -> str:  # noqa: A002
    """Return the report in its format."""
    if format is Format.SARIF:
        from importlib.metadata import version

        from pipeline.analysis.sarif import as_sarif

        return as_sarif(new, survey.skipped, version("tocsin"))
    from pipeline.analysis.markdown import as_markdown
    from pipeline.analysis.report import as_json, report

    made = report(survey, new)
    return as_json(made) if format is Format.JSON else as_markdown(made)


def _write(file: Path, text: str) -> None:
    """Write a file; exit code 2 if that cannot be."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        complain(f"{file}: {error.strerror}")
        raise typer.Exit(2) from error


def _tell(survey: "Survey", found: "list[Finding]", new: "list[Finding]") -> None:
    """Sum the run up on standard error, where it stands in nobody's way."""
    by = Counter(one.severity for one in new)
    counts = ", ".join(f"{by[name]} {name}" for name in ("high", "medium", "low"))
    lines = sum(facts.lines for facts in survey.facts)
    known = f", {len(found) - len(new)} known" if len(found) > len(new) else ""
    complain(
        f"{len(survey.facts)} files, {lines} lines, {len(survey.skipped)} skipped; "
        f"findings: {counts}{known}"
    )


def _publish(
    data: Path, survey: "Survey", found: "list[Finding]", service: str, revision: str
) -> None:
    """Send the run to Kafka; exit code 2 if the broker did not take all of it."""
    from pipeline.analysis.records import Run, records
    from pipeline.io.broker import BrokerError
    from pipeline.io.clock import SystemClock
    from pipeline.io.kafka import KafkaBroker
    from pipeline.io.publish import publish

    kafka = reachable(data).kafka
    run = Run(service, revision, SystemClock().now())
    try:
        broker = KafkaBroker(kafka.bootstrap_servers, kafka.client)
        sent = publish(broker, records(run, survey.facts, found))
    except BrokerError as error:
        complain(f"Kafka: {error}; is `tocsin up` running?")
        raise typer.Exit(2) from error
    complain(f"run {run.id}: {sent} records on topic logs")


def _fail(new: "list[Finding]", fail_on: FailOn | None) -> None:
    """End with exit code 1 if anything is as severe as asked for."""
    from pipeline.analysis.rules import at_least

    if fail_on and any(one.severity in at_least(fail_on.value) for one in new):
        raise typer.Exit(1)
