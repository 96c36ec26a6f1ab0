"""The report for people: Markdown."""

from collections.abc import Iterator

from pipeline.analysis.report import Recommendation, Report
from pipeline.analysis.rules import RULES, SEVERITIES

_MOST_TYPES = 15


def as_markdown(made: Report) -> str:
    """Return a report as Markdown."""
    parts = (_summary(made), _logging(made), _monitoring(made), _patterns(made))
    lines = ["# Error handling", "", *(line for part in parts for line in part)]
    lines += [*_recommendations(made), *_skipped(made)]
    return "\n".join(lines).rstrip() + "\n"


def _summary(made: Report) -> Iterator[str]:
    """Yield the counts."""
    errors = made.error_handling
    yield from ("| language | files | lines |", "|---|---:|---:|")
    for name, files in errors.files.items():
        yield f"| {name} | {files} | {errors.lines[name]} |"
    yield from ("", "| what | count |", "|---|---:|")
    yield f"| try blocks with a handler | {errors.try_catch_blocks} |"
    yield f"| Go error checks | {errors.error_checks} |"
    yield f"| handlers that catch everything | {errors.generic_catches} |"
    yield f"| promises and tasks nobody waits for | {len(errors.unhandled_promises)} |"
    yield f"| places that report errors | {len(errors.error_reporting)} |"
    yield ""
    if errors.error_types:
        most = sorted(errors.error_types.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{_code(name)} {count}" for name, count in most[:_MOST_TYPES])
        more = f" and {len(most) - _MOST_TYPES} more" if len(most) > _MOST_TYPES else ""
        yield from (f"Error types caught or raised: {shown}{more}.", "")


def _logging(made: Report) -> Iterator[str]:
    """Yield how the code base logs."""
    logs = made.logging_usage
    yield from ("## Logging", "")
    yield f"- frameworks: {', '.join(logs.logging_frameworks) or 'none'}"
    yield f"- structured: {'yes' if logs.structured_logging else 'no'}"
    yield f"- levels used: {', '.join(logs.log_levels_used) or 'none'}"
    yield from (f"- prints to the console outside tests: {logs.console_logs}", "")


def _monitoring(made: Report) -> Iterator[str]:
    """Yield which monitoring is there."""
    yield from ("## Monitoring", "", "| client | declared | initialised |", "|---|---|---|")
    for name, state in made.monitoring_setup.items():
        said = ("yes" if value else "no" for value in (state.declared, state.initialised))
        yield f"| {name} | {' | '.join(said)} |"
    yield ""


def _patterns(made: Report) -> Iterator[str]:
    """Yield the handlers that break a rule, with their lines, by rule."""
    yield from ("## Patterns", "")
    if not made.error_patterns:
        yield from ("None found.", "")
    for rule in RULES:
        found = [one for one in made.error_patterns if one.rule == rule.id]
        if found:
            yield from (f"### {rule.title} (`{rule.id}`, {len(found)})", "", rule.advice, "")
        for one in found:
            where = f"{_code(f'{one.file}:{one.line}')}"
            inside = f" in {_code(one.function)}" if one.function else ""
            yield from (f"- {one.severity}: {where}{inside}", "")
            yield from (f"      {line}" for line in one.snippet.split("\n"))
            yield ""


def _recommendations(made: Report) -> Iterator[str]:
    """Yield what to change, the worst first."""
    yield from ("## Recommendations", "")
    if not made.recommendations:
        yield from ("None.", "")
    for severity in SEVERITIES:
        found = [one for one in made.recommendations if one.severity == severity]
        if found:
            yield from (f"### {severity} ({len(found)})", "")
            yield from map(_recommendation, found)
            yield ""


def _recommendation(one: Recommendation) -> str:
    """Return one line of advice."""
    return f"- {_code(f'{one.file}:{one.line}')} `{one.rule}`: {one.advice}"


def _skipped(made: Report) -> Iterator[str]:
    """Yield what the report does not speak for."""
    if made.skipped:
        yield from (f"## Skipped ({len(made.skipped)})", "")
        yield from (f"- {_code(one.file)}: {_line(one.reason)}" for one in made.skipped)


def _code(text: str) -> str:
    """Return a text as code, whatever signs a file's name holds."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{_line(text)}{fence}"


def _line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())
