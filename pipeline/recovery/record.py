"""An outcome as it is told on topic ``logs``."""

import msgspec

from pipeline.model.recovery import RecoveryRecord
from pipeline.model.stage import Sent
from pipeline.recovery.run import Outcome

LOGS = "logs"


def record(outcome: Outcome, *, service: str, environment: str, trace_id: str = "") -> Sent:
    """Return the message that tells of an outcome; ``service`` is the one that survived or not."""
    value = RecoveryRecord(
        ts=outcome.at,
        service=service,
        environment=environment,
        operation=outcome.operation,
        target=outcome.service,
        strategy=outcome.strategy,
        error_type=outcome.error_type,
        outcome=outcome.outcome,
        attempts=outcome.attempts,
        duration_ms=round(outcome.duration_s * 1000, 3),
        breaker_state=outcome.breaker_state,
        trace_id=trace_id,
    )
    return Sent(LOGS, msgspec.json.encode(value), service.encode())
