"""Alerts: every episode as it stands, and what was sent about it."""

from typing import Any

from pipeline.store.clickhouse import Client

_ALERTS = """
SELECT toString(alert_id) AS alert_id, rule, severity, project, service, environment, title,
  state, reason, started_at, fired_at, resolved_at, value, threshold, told
FROM tocsin.alert_history
WHERE project = {project:String}
  AND ({state:String} = '' OR state = {state:String})
ORDER BY started_at DESC, alert_id LIMIT {limit:UInt16}
"""
_NOTICES = """
SELECT notification_id, channel, arrayMap(id -> toString(id), alert_ids) AS alert_ids, outcome,
  attempts, first_at, last_at, http_status, latency_ms, error
FROM tocsin.notifications ORDER BY last_at DESC LIMIT {limit:UInt16}
"""


def alerts(
    client: Client, *, project: str = "default", state: str = "", limit: int = 50
) -> dict[str, Any]:
    """Return the newest episodes and the newest notices; raises StoreAway."""
    return {
        "alerts": client.rows(_ALERTS, {"project": project, "state": state, "limit": limit}),
        "notices": client.rows(_NOTICES, {"limit": limit}),
    }
