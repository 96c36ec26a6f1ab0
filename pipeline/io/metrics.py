"""The only door to prometheus_client: one documented line per metric.

A stage's ``Note`` becomes the counter of its name: a note without a line in ``NOTES`` is an error.
No ids in labels: a label has a handful of values.
"""

from collections.abc import Callable
from typing import Literal

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

from pipeline.model.stage import Note

CONTENT_TYPE = CONTENT_TYPE_LATEST
Outcome = Literal["committed", "aborted", "busy"]

_BATCH = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DELAY = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

READ = Counter("tocsin_records_read", "Records read from a topic.", ["stage", "topic"])
WRITTEN = Counter("tocsin_records_written", "Records written to a topic.", ["stage", "topic"])
BATCHES = Counter("tocsin_batches", "Micro-batches by what became of them.", ["stage", "outcome"])
BATCH_SECONDS = Histogram(
    "tocsin_batch_seconds", "From first record to commit of a batch.", ["stage"], buckets=_BATCH
)
DELAY_SECONDS = Histogram(
    "tocsin_delay_seconds", "Age of a batch's newest record.", ["stage"], buckets=_DELAY
)
LAG = Gauge("tocsin_lag_records", "Records not yet read.", ["stage", "topic", "partition"])
DEAD_LETTERS = Counter("tocsin_dead_letters", "Records that were unusable.", ["stage", "reason"])
GAP_RECORDS = Counter("tocsin_gap_records", "Records that retention took unread.", ["stage"])
RECALLED = Counter("tocsin_recalled_records", "Records of state read at a start.", ["stage"])
RECALL_SECONDS = Gauge("tocsin_recall_seconds", "How long the last recall took.", ["stage"])
REBUILT = Counter("tocsin_rebuilds", "A stage built anew: aborts and rebalances.", ["stage"])
READY = Gauge("tocsin_ready", "1 when the worker is assigned and recalled.", ["stage"])
TURN_AGE = Gauge("tocsin_turn_age_seconds", "Seconds since the last turn (watchdog).", ["stage"])
ANSWER_SECONDS = Histogram(
    "tocsin_answer_seconds", "From a request to its answer.", ["stage"], buckets=_BATCH
)
KAFKA_ERRORS = Counter("tocsin_kafka_errors", "Errors that librdkafka reported.", ["code"])

# What stages note: name → sentence, labels. The counter is tocsin_<name>_total, labelled by stage.
NOTES: dict[str, tuple[str, tuple[str, ...]]] = {
    "outcomes": ("Events by what became of them.", ("kind", "outcome")),
    "gateway_items": ("Records in requests by what became of them.", ("kind", "outcome")),
    "gateway_requests": ("Requests by where they went and the answer.", ("endpoint", "status")),
    "scrubbed": ("Secrets removed, by the rule that found them.", ("rule",)),
    "decisions": ("Novel events by how their group was found.", ("how",)),
    "actions": ("Actions of people that were folded in.", ("kind",)),
    "late_rows": ("Rows of windows that were closed: sent on as corrections.", ()),
    "frame_overlap": ("Offsets that two frames claim: must stay 0.", ("source",)),
    "source_silent": ("Sources left out of the clock, silent for too long.", ("source",)),
    "source_heard": ("Silent sources that spoke again.", ("source",)),
    "series_refused": ("Series beyond the limit: no empty windows for them.", ()),
    "state_unreadable": ("Records of a stage's own state that nobody can read.", ()),
    "alert_changes": ("Episodes by the state they went to.", ("rule", "state")),
    "alert_no_data": ("Rules that found no data.", ("rule",)),
    "notices": ("Notifications that alert wrote, and why.", ("channel", "reason")),
    "undeliverable_notices": ("Notices for channels that are not there.", ("channel",)),
    "notifications": ("Attempts to deliver by what came of them.", ("channel", "outcome")),
}


def _counter(name: str) -> Counter:
    """Return the counter of a note."""
    sentence, labels = NOTES[name]
    return Counter(f"tocsin_{name}", sentence, ("stage", *labels))


_COUNTERS = {name: _counter(name) for name in NOTES}


def count(stage: str, note: Note) -> None:
    """Add a note to the counter of its name; an unknown name or label is a bug and raises."""
    counter = _COUNTERS.get(note.name)
    if counter is None:
        raise KeyError(f"note {note.name!r} of {stage} has no line in io/metrics.py: add one")
    counter.labels(stage=stage, **note.labels).inc(note.n)


def watch_turns(stage: str, age_s: Callable[[], float]) -> None:
    """Publish the seconds since the last turn, read whenever somebody scrapes."""
    TURN_AGE.labels(stage).set_function(age_s)


def exposition() -> bytes:
    """Return every metric in Prometheus' text format."""
    return generate_latest()
