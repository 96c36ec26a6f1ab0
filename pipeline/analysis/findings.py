"""What the rules say of one file, with its place and the lines to show."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from pipeline.analysis.comments import is_ignored
from pipeline.analysis.facts import Facts, Handler
from pipeline.analysis.rules import UNHANDLED, Rule, Severity, broken, swallows

_SHOWN: Final = 3
_WIDTH: Final = 160


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a rule is broken; ``key`` stays when the lines above it move."""

    rule: str
    severity: Severity
    file: str
    line: int
    language: str
    function: str = ""
    error_types: tuple[str, ...] = ()
    swallows: bool = False
    snippet: str = ""
    advice: str
    key: str = ""


def findings(facts: Facts, text: str) -> list[Finding]:
    """Return what is wrong in a file, in the order of the text, ignored lines left out."""
    lines = text.split("\n")
    found = [
        _finding(facts, rule, severity, handler, shown(lines, handler.line))
        for handler in facts.handlers
        for rule, severity in broken(handler)
    ]
    found += [
        located(
            UNHANDLED,
            "medium",
            facts.path,
            line,
            shown(lines, line),
            language=facts.language,
            function=function,
        )
        for line, function in facts.floating
    ]
    found.sort(key=lambda finding: (finding.line, finding.rule))
    return [one for one in found if not is_ignored(facts.ignores, one.line, one.rule)]


def _finding(
    facts: Facts, rule: Rule, severity: Severity, handler: Handler, snippet: str
) -> Finding:
    """Return what a handler does wrong."""
    return located(
        rule,
        severity,
        facts.path,
        handler.line,
        snippet,
        language=facts.language,
        function=handler.function,
        error_types=handler.caught,
        swallows=swallows(handler) is not None,
    )


def located(
    rule: Rule,
    severity: Severity,
    file: str,
    line: int,
    snippet: str,
    *,
    language: str = "",
    function: str = "",
    error_types: tuple[str, ...] = (),
    swallows: bool = False,
) -> Finding:
    """Return a finding with its key."""
    parts = "\0".join((rule.id, file, function, " ".join(snippet.split())))
    return Finding(
        rule=rule.id,
        severity=severity,
        file=file,
        line=line,
        language=language,
        function=function,
        error_types=error_types,
        swallows=swallows,
        snippet=snippet,
        advice=rule.advice,
        key=sha256(parts.encode("utf-8", "replace")).hexdigest()[:16],
    )


def shown(lines: Sequence[str], line: int) -> str:
    """Return the lines from this one on, without their common indent."""
    first = lines[line - 1] if line <= len(lines) else ""
    indent = len(first) - len(first.lstrip())
    kept = [first]
    for following in lines[line : line + _SHOWN - 1]:
        if not following.strip() or following[:indent].strip():
            break
        kept.append(following)
    return "\n".join(one[indent:].rstrip()[:_WIDTH] for one in kept)
