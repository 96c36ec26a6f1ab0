"""What one request turns into, collected record by record: one bad one costs no other."""

from collections import Counter
from typing import Any

import msgspec

from pipeline.gateway.exchange import Context
from pipeline.gateway.limits import TooBig
from pipeline.gateway.raw_event import Ids, to_dead_letter, to_raw
from pipeline.model.client_report import ClientReport
from pipeline.model.stage import Note, Sent

SHOWN_ERRORS = 100
# Labels have a handful of values; a client may name anything.
_LABELS = frozenset(
    [
        *("error", "request", "session", "resource", "client_report", "transaction", "span"),
        *("log", "trace_metric", "check_in", "feedback", "user_report", "attachment"),
        *("replay_event", "replay_recording", "profile", "profile_chunk"),
    ]
)


class Intake:
    """Messages, notes and complaints of one request."""

    def __init__(self, context: Context, max_event_bytes: int) -> None:
        self.context = context
        self.ids = Ids(context)
        self.messages: list[Sent] = []
        self.errors: list[dict[str, Any]] = []
        self.accepted = 0
        self.rejected = 0
        self.too_big = 0
        self._limit = max_event_bytes
        self._outcomes: Counter[tuple[str, str]] = Counter()

    def accept(self, index: int, event: dict[str, Any], event_id: str, form: str) -> None:
        """Send an event on, cut to the size that is allowed; one still too big is rejected."""
        kind = event["kind"]
        try:
            message, dropped = to_raw(event, event_id, form, self.context, self._limit)
        except TooBig as error:
            self.too_big += 1
            self.reject(index, error.body, "too_big", str(error))
            return
        self.messages.append(message)
        self.accepted += 1
        self._outcomes[kind, "trimmed" if dropped else "accepted"] += 1

    def report(self, report: ClientReport) -> None:
        """Send on what a client says it lost."""
        key = report.service.encode()
        value = msgspec.json.encode(report)
        self.messages.append(Sent(topic="client-reports", key=key, value=value))
        self._outcomes["client_report", "accepted"] += 1

    def drop(self, kind: str) -> None:
        """Count what nothing is done with."""
        self._outcomes[kind if kind in _LABELS else "unknown", "dropped"] += 1

    def reject(self, index: int, content: bytes, reason: str, text: str) -> None:
        """Keep the bytes of a bad record as a dead letter, and tell its sender."""
        self.rejected += 1
        self._outcomes["record", "rejected"] += 1
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append({"index": index, "reason": text})
        self.messages.append(to_dead_letter(content, self.ids, self.context, reason, text))

    def notes(self) -> list[Note]:
        """Return how many records of which kind had which outcome."""
        return [
            Note("gateway_items", {"kind": kind, "outcome": outcome}, n)
            for (kind, outcome), n in self._outcomes.items()
        ]
