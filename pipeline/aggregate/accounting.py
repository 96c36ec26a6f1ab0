"""The accounting's share of a window: how many events of a kind had which outcome.

Outcomes stand in the window of their receipt and close with the service clock. The row id holds
what makes the statement unique, so that a repeat replaces itself and a late share adds.
"""

from datetime import datetime

from pipeline.model.frame import OutcomeRow
from pipeline.model.window import OutcomeWindow


def outcome_window(
    row: OutcomeRow, *, start: datetime, number: int, as_of: datetime, seq: int, partition: int
) -> OutcomeWindow:
    """Return the statement of one window, kind, outcome and reason."""
    return OutcomeWindow(
        number=number,
        as_of=as_of,
        hour=start.replace(minute=0, second=0, microsecond=0),
        project=row.project,
        service=row.service,
        kind=row.event_kind,
        outcome=row.outcome,
        reason=row.reason,
        row_id=f"w:{partition}:{int(start.timestamp())}:{seq}",
        quantity=row.n,
    )
