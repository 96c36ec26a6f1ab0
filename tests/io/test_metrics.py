"""Metrics: notes become counters, and nothing else does."""

import ast
from pathlib import Path

import pytest

import pipeline
from pipeline.io import metrics
from pipeline.model.stage import Note


def test_a_note_becomes_a_counter() -> None:
    """A note adds its number to the counter of its name, labelled with the stage."""
    metrics.count("toy", Note("outcomes", {"kind": "error", "outcome": "stored"}, 3))

    line = b'tocsin_outcomes_total{kind="error",outcome="stored",stage="toy"} 3.0'
    assert line in metrics.exposition()


def test_an_unknown_note_is_refused() -> None:
    """A note without a line in the table raises an error that says where to add one."""
    with pytest.raises(KeyError, match="nonsense"):
        metrics.count("toy", Note("nonsense"))


def test_wrong_labels_are_refused() -> None:
    """A note with other labels than its line names raises."""
    with pytest.raises(ValueError, match="label"):
        metrics.count("toy", Note("outcomes", {"colour": "red"}))


def noted() -> list[tuple[str, frozenset[str]]]:
    """Return name and labels of each Note that the source makes with literals."""
    found = []
    for path in Path(pipeline.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name("Note"), args=[ast.Constant(str(name))]):
                    found.append((name, frozenset[str]()))
                case ast.Call(
                    func=ast.Name("Note"), args=[ast.Constant(str(name)), ast.Dict(keys), *_]
                ):
                    labels = {k.value for k in keys if isinstance(k, ast.Constant)}
                    found.append((name, frozenset(map(str, labels))))
    return found


@pytest.mark.parametrize(("name", "labels"), sorted(set(noted()), key=str))
def test_every_note_has_its_line(name: str, labels: frozenset[str]) -> None:
    """Each note that a stage makes has a line in the table, with the same labels."""
    assert name in metrics.NOTES, f"add a line for {name} to NOTES in io/metrics.py"
    assert frozenset(metrics.NOTES[name][1]) == labels


def test_every_metric_has_a_sentence() -> None:
    """Every metric's help text is a sentence."""
    helps = [line for line in metrics.exposition().split(b"\n") if b"# HELP tocsin_" in line]

    assert helps
    assert all(line.endswith(b".") or b"_created" in line for line in helps), helps
