"""The report for code hosts: SARIF 2.1.0, so that findings show beside the lines."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from pipeline.analysis.findings import Finding
from pipeline.analysis.rules import RULES
from pipeline.analysis.survey import Skipped

_LEVELS: Final = {"high": "error", "medium": "warning", "low": "note"}
_SAFE: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")
_INDEX: Final = {rule.id: number for number, rule in enumerate(RULES)}


def as_sarif(found: Iterable[Finding], skipped: Iterable[Skipped], version: str) -> str:
    """Return findings as SARIF; skipped files are notifications of the run."""
    run = {
        "tool": {"driver": {"name": "tocsin", "version": version, "rules": _rules()}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(one) for one in sorted(skipped)],
            }
        ],
        "results": [_result(finding) for finding in found],
    }
    body = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n"


def _rules() -> list[dict[str, Any]]:
    """Return every rule, whether broken or not."""
    return [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "help": {"text": rule.advice},
        }
        for rule in RULES
    ]


def _result(finding: Finding) -> dict[str, Any]:
    """Return one finding."""
    region: dict[str, Any] = {"startLine": finding.line}
    if finding.snippet:
        region["snippet"] = {"text": finding.snippet}
    inside = f" (in {finding.function})" if finding.function else ""
    return {
        "ruleId": finding.rule,
        "ruleIndex": _INDEX[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.advice}{inside}"},
        "locations": [{"physicalLocation": {**_artifact(finding.file), "region": region}}],
        "partialFingerprints": {"tocsin/v1": finding.key},
    }


def _notification(skipped: Skipped) -> dict[str, Any]:
    """Return one file that was not read, or not wholly."""
    return {
        "level": "warning",
        "message": {"text": f"skipped: {skipped.reason}"},
        "locations": [{"physicalLocation": _artifact(skipped.file)}],
    }


def _artifact(path: str) -> dict[str, Any]:
    """Return a file's place; its name as a relative URI."""
    quoted = "".join(chr(b) if b in _SAFE else f"%{b:02X}" for b in path.encode("utf-8", "replace"))
    return {"artifactLocation": {"uri": quoted}}
