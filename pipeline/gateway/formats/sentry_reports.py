"""Sentry's client reports: the only trace of errors that a client lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.gateway.times import moment
from pipeline.model.client_report import ClientReport

_MAX_ENTRIES = 100
_MAX_QUANTITY = 10**9
_OLDEST = timedelta(days=30)
_Payload = dict[str, Any]


def client_reports(
    payload: _Payload, report_id: str, project: str, now: datetime
) -> Iterator[ClientReport]:
    """Yield one report per reason and category; entries that are not readable say nothing."""
    at = moment(payload.get("timestamp"))
    if at is None or not now - _OLDEST < at <= now:
        at = now
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    entries = payload.get("discarded_events")
    for index, entry in enumerate(entries[:_MAX_ENTRIES] if isinstance(entries, list) else []):
        quantity = entry.get("quantity") if isinstance(entry, dict) else None
        if type(quantity) is not int or quantity < 1:
            continue
        yield ClientReport(
            report_id=f"{report_id}-{index}",
            hour=hour,
            project=project,
            service=project,
            kind=_name(entry.get("category")),
            outcome="client_discard",
            reason=_name(entry.get("reason")),
            quantity=min(quantity, _MAX_QUANTITY),
        )


def _name(value: Any) -> str:
    """Return a name that a column of few values can hold."""
    return value[:64] if isinstance(value, str) and value else "unknown"
