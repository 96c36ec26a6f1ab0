"""The report: its keys, its order, its forms."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.analysis.baseline import read, unknown, written
from pipeline.analysis.languages import LANGUAGES
from pipeline.analysis.markdown import as_markdown
from pipeline.analysis.report import as_json
from pipeline.analysis.rules import RULES
from pipeline.analysis.sarif import as_sarif
from pipeline.analysis.survey import Skipped
from tests.analysis.build import a_report, a_survey

FILES: dict[str, str | bytes] = {
    "a.py": "import logging\nlogging.info('x')\ntry: f()\nexcept Exception: pass\n",
    "b.js": "try { f() } catch {}\n",
    "c.ts": "try { f() } catch (e: unknown) { throw e }\n",
    "D.java": "class D { void f() { try { g(); } catch (Exception e) { h(e); } } }\n",
    "e.go": "package e\nfunc f() error { if err := g(); err != nil { return err }; return nil }\n",
}


def test_the_keys() -> None:
    """1.1 The report has the five keys and `skipped`, no other, and is plain JSON."""
    body = json.loads(as_json(a_report(FILES)))

    assert list(body) == [
        *("error_handling", "logging_usage", "monitoring_setup", "error_patterns"),
        *("recommendations", "skipped"),
    ]


def test_every_language_is_counted() -> None:
    """1.2, D1 One file of each language is one file of each in the report."""
    handling = a_report(FILES).error_handling

    assert handling.files == dict.fromkeys(("go", "java", "javascript", "python", "typescript"), 1)
    assert (handling.try_catch_blocks, handling.error_checks, handling.generic_catches) == (4, 1, 3)


def test_what_cannot_be_read_is_listed() -> None:
    """1.2, D1 Each file that was not read, or not wholly, is there with its reason."""
    report = a_report(
        {
            "a.py": "def f(:\n",
            "b.py": b"x = '\xff'\n",
            "c.py": b"# coding: nonsense\n",
            "d.js": "a(;\n",
            "e.py": b"x\0y",
            "f.js": "a();" * 2000,
            "g.py": b"#" * (2**21 + 1),
            "ok.py": b"# coding: latin-1\nx = '\xff'\n",
        }
    )

    assert [(one.file, one.reason) for one in report.skipped] == [
        ("a.py", "line 1: invalid syntax"),
        ("b.py", "line 1: invalid or missing encoding declaration"),
        ("c.py", "line 1: unknown encoding: nonsense"),
        ("d.js", "line 1: syntax error; the rest was read"),
        ("e.py", "line 1: a null byte"),
        ("f.js", "minified"),
        ("g.py", "2097153 bytes: larger than 2097152"),
    ]
    assert report.error_handling.files == {"javascript": 1, "python": 1}


def test_every_recommendation_says_what_to_do_where() -> None:
    """1.14 Each has rule id, severity, file:line and advice, the worst first."""
    report = a_report(FILES)

    assert [(one.rule, one.severity, one.file, one.line) for one in report.recommendations] == [
        ("swallow", "high", "a.py", 4),
        ("swallow", "high", "b.js", 1),
        ("unstructured-logging", "low", "a.py", 2),
    ]
    assert all(one.advice for one in report.recommendations)


def test_the_order_of_files_does_not_matter() -> None:
    """1.14 The same tree gives the same bytes, in whatever order its files come."""
    backwards = dict(reversed(FILES.items()))

    assert as_json(a_report(FILES)) == as_json(a_report(backwards))
    assert as_markdown(a_report(FILES)) == as_markdown(a_report(backwards))


def test_markdown() -> None:
    """O1 The report for people names counts, places and reasons."""
    text = as_markdown(a_report({**FILES, "x`y.py": "def f(:"}))

    assert "| try blocks with a handler | 4 |" in text
    assert "- high: `a.py:4`\n\n      except Exception: pass\n" in text
    assert "- ``x`y.py``: line 1: invalid syntax" in text


def test_sarif() -> None:
    """A code host finds rule, level, place and a key in each result, and the files left out."""
    survey = a_survey({"src/ä b.py": "try: f()\nexcept Exception: pass\n"})
    survey.skip("c.py", "denied")

    body: dict[str, Any] = json.loads(as_sarif(survey.findings(), survey.skipped, "1.2"))

    (run,) = body["runs"]
    (result,) = run["results"]
    rules = run["tool"]["driver"]["rules"]
    place = result["locations"][0]["physicalLocation"]
    assert body["version"] == "2.1.0"
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULES]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "swallow"
    assert result["level"] == "error"
    assert place["artifactLocation"]["uri"] == "src/%C3%A4%20b.py"
    assert place["region"]["startLine"] == 2
    notice = run["invocations"][0]["toolExecutionNotifications"][0]
    assert notice["message"]["text"] == "skipped: denied"


def test_a_baseline_knows_what_moved() -> None:
    """A known finding stays known when lines move; one more of the same is new."""
    before = a_survey({"a.py": "try: f()\nexcept Exception: pass\n"}).findings()
    known = read(written(before).encode())
    moved = "\n\ntry: g()\nexcept Exception: pass\n"

    assert unknown(a_survey({"a.py": moved}).findings(), known) == []
    twice = unknown(a_survey({"a.py": moved * 2}).findings(), known)
    assert [one.line for one in twice] == [8]
    assert len(unknown(a_survey({"b.py": moved}).findings(), known)) == 1


@given(st.sampled_from(LANGUAGES), st.text(max_size=300))
def test_any_text_is_read_or_skipped(language: object, text: str) -> None:
    """No text of any language ends in anything but facts or a reason."""
    path = f"a{language.suffixes[0]}"  # type: ignore[attr-defined]
    survey = a_survey({path: text.encode("utf-8", "surrogatepass")})

    assert survey.facts or survey.skipped


PIECES = (
    "try",
    "{",
    "}",
    "catch",
    "(e)",
    "if err != nil",
    "return nil",
    ";",
    "\n",
    "for",
    "a.then(f)",
    "",
)


@given(st.sampled_from(LANGUAGES), st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_wreck_is_read_or_skipped(language: object, pieces: list[str]) -> None:
    """Broken blocks, which parsers mend in their own way, end in facts or a reason, too."""
    path = f"a{language.suffixes[0]}"  # type: ignore[attr-defined]
    survey = a_survey({path: " ".join(pieces)})

    assert survey.facts or survey.skipped


def test_skipped_is_a_place_and_a_reason() -> None:
    """A file that the shell could not read stands beside those that did not parse."""
    survey = a_survey({"a.py": "x = 1\n"})
    survey.skip("b.py", "Permission denied")

    assert survey.skipped == [Skipped("b.py", "Permission denied")]
