"""`tocsin analyze` as people type it: output, exit codes, sentences."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.analysis.survey import is_wanted
from pipeline.cli.app import app
from pipeline.io.codebase import files_of

SWALLOW = "try:\n    f()\nexcept Exception:\n    pass\n"


def tocsin(*arguments: object) -> tuple[int, str, str]:
    """Run one command line; return exit code, output, error."""
    result = CliRunner().invoke(app, ["analyze", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a code base with one finding, and what is not its own."""
    for name in (".git", "node_modules/x", "venv/lib", "mine/lib", "src"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.py").write_text(SWALLOW)
    (tmp_path / "mine" / "pyvenv.cfg").touch()
    return tmp_path


def test_foreign_folders_are_not_entered(tree: Path) -> None:
    """1.2 Versions, packages and virtual environments of any name are not the code base's own."""
    assert files_of(tree, is_wanted).files == ["src/a.py"]
    assert files_of(tree, is_wanted, ["src/*"]).files == []
    assert files_of(tree / "src" / "a.py", is_wanted).files == ["a.py"]


def test_links_and_pipes_are_skipped_with_a_reason(tree: Path) -> None:
    """1.2 A link is not followed, a pipe not opened, and both are told."""
    (tree / "src" / "loop").symlink_to(tree)
    (tree / "src" / "b.py").symlink_to(tree / "src" / "a.py")
    os.mkfifo(tree / "src" / "c.py")

    assert files_of(tree, is_wanted).skipped == [
        ("src/loop", "a link to a folder"),
        ("src/b.py", "a link"),
        ("src/c.py", "not a file"),
    ]


def test_fail_on(tree: Path) -> None:
    """1.14 --fail-on exits 1 on a finding as severe; without it a finding is no failure."""
    assert tocsin(tree)[0] == 0
    assert tocsin(tree, "--fail-on", "high")[0] == 1
    (tree / "src" / "a.py").write_text("import asyncio\nasyncio.create_task(f())\n")
    assert tocsin(tree, "--fail-on", "high")[0] == 0
    assert tocsin(tree, "--fail-on", "medium")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["empty"], "empty: no source and no package file in it"),
        (["src", "--baseline", "gone.json"], "--baseline gone.json: No such file or directory"),
        (["src", "--baseline", "src/a.py"], "--baseline src/a.py: no baseline: "),
        (["src", "-o", "no/such/file"], "no/such/file: No such file or directory"),
        (["src", "--publish"], "--publish wants --service NAME"),
        (["src", "--fail-on", "severe"], "Invalid value for '--fail-on'"),
    ],
)
def test_usage_errors(
    tree: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    """1.14 What cannot be done is one sentence and exit code 2."""
    monkeypatch.chdir(tree)
    (tree / "empty").mkdir()

    code, _, error = tocsin(*arguments)

    assert code == 2
    assert sentence in error


def test_forms(tree: Path) -> None:
    """O1 Markdown, JSON and SARIF come to standard output or a file; the sum goes beside it."""
    code, markdown, error = tocsin(tree)
    assert (code, markdown.startswith("# Error handling\n")) == (0, True)
    assert error == "tocsin: 1 files, 4 lines, 0 skipped; findings: 1 high, 0 medium, 0 low\n"
    assert json.loads(tocsin(tree, "--json")[1])["error_patterns"][0]["file"] == "src/a.py"
    assert tocsin(tree, "--format", "sarif", "-o", tree / "x.sarif")[1] == ""
    assert json.loads((tree / "x.sarif").read_text())["version"] == "2.1.0"


def test_two_copies_give_the_same_bytes(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """1.14 The report does not depend on where the tree lies."""
    other = tmp_path_factory.mktemp("other")
    (other / "src").mkdir()
    (other / "src" / "a.py").write_text(SWALLOW)

    assert tocsin(tree, "--json")[1] == tocsin(other, "--json")[1]


def test_a_baseline_hides_what_is_known(tree: Path) -> None:
    """A run writes what it finds; the next one fails on new findings alone."""
    known = tree / "known.json"
    assert tocsin(tree, "--write-baseline", known)[0] == 0

    code, _, error = tocsin(tree, "--baseline", known, "--fail-on", "low")
    assert (code, error.endswith("0 low, 1 known\n")) == (0, True)
    (tree / "src" / "b.py").write_text(SWALLOW)
    assert tocsin(tree, "--baseline", known, "--fail-on", "low")[0] == 1
