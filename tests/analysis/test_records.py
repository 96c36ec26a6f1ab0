"""A run on Kafka: every handler and every finding."""

from pathlib import Path

import msgspec

from pipeline.analysis.records import Run, records
from pipeline.io.clock import ManualClock
from pipeline.io.memory import MemoryBroker
from pipeline.io.publish import publish
from pipeline.model.analysis import AnalysisRecord
from pipeline.model.stage import Source
from tests.analysis.build import a_survey
from tests.build import AT

FILES: dict[str, str | bytes] = {
    "a.py": 'try: f()\nexcept Exception: pass  # password="hunter2hunter2"\n'
    "try: f()\nexcept KeyError as e: g(e)\n"
}
RUN = Run("shop", "abc", AT)
DDL = Path(__file__).parents[2] / "schemas" / "clickhouse" / "0006_logs.sql"


def test_a_run_is_every_handler_and_every_finding() -> None:
    """1.15 Handlers are there whether they are wrong or not, findings with rule and advice."""
    survey = a_survey(FILES)

    made = list(records(RUN, survey.facts, survey.findings()))

    assert [(one.kind, one.line, one.rule, one.swallows) for one in made] == [
        ("handler", 2, "", True),
        ("handler", 4, "", False),
        ("pattern", 2, "swallow", True),
    ]
    assert {one.run_id for one in made} == {RUN.id}


def test_lines_of_source_are_scrubbed() -> None:
    """1.15 A secret in a line that is shown does not leave the machine."""
    survey = a_survey(FILES)

    body = msgspec.json.encode(list(records(RUN, survey.facts, survey.findings())))

    assert b"hunter2" not in body


def test_publish() -> None:
    """1.15 The run is on topic `logs` as records of type `analysis`, keyed by service."""
    broker = MemoryBroker(ManualClock(AT))
    broker.create("logs")
    survey = a_survey(FILES)

    sent = publish(broker, records(RUN, survey.facts, survey.findings()))

    read = list(broker.read([Source("logs", 0)], {}))
    decoded = [msgspec.json.decode(one.value or b"", type=AnalysisRecord) for one in read]
    assert sent == len(decoded) == 3
    assert {one.key for one in read} == {b"shop"}
    assert b'"record":"analysis"' in (read[0].value or b"")


def test_every_field_is_a_column() -> None:
    """1.15 A record's fields are columns of `code_analysis`, so that a row needs no translation."""
    table = DDL.read_text().partition("tocsin.code_analysis")[2]
    columns = {line.split()[0] for line in table.splitlines()[1:] if line.startswith("  ")}

    assert set(AnalysisRecord.__struct_fields__) <= columns
