"""The overview: totals, the course of errors and requests, the busiest issues, what fires."""

from typing import Any

from pipeline.store.clickhouse import Client
from pipeline.store.queries.ranges import SPANS, Range

_WHERE = """project = {project:String}
  AND ({service:String} = '' OR service = {service:String})
  AND ({environment:String} = '' OR environment = {environment:String})"""
_TOTALS = f"""
SELECT sum(requests) AS requests, sum(requests_failed) AS requests_failed,
  if(requests = 0, NULL, requests_failed / requests) AS error_rate,
  if(requests = 0, 1, (sum(satisfied) + sum(tolerating) / 2) / requests) AS apdex,
  sum(events_fatal) + sum(events_error) AS errors, sum(events_warning) AS warnings,
  uniqMerge(users) AS users, max(window_start) AS as_of
FROM tocsin.service_metrics FINAL
WHERE {_WHERE} AND window_start >= now() - {{seconds:UInt32}}
"""
_COURSE = f"""
SELECT toStartOfInterval(window_start, toIntervalSecond({{bucket:UInt32}})) AS bucket,
  sum(requests) AS requests, sum(requests_failed) AS requests_failed,
  sum(events_fatal) + sum(events_error) AS errors, sum(events_warning) AS warnings
FROM tocsin.service_metrics FINAL
WHERE {_WHERE} AND window_start >= now() - {{seconds:UInt32}}
GROUP BY bucket ORDER BY bucket
"""
_SERVICES = f"""
SELECT service, environment, sum(requests) AS requests, sum(requests_failed) AS requests_failed,
  if(requests = 0, NULL, requests_failed / requests) AS error_rate,
  if(requests = 0, 1, (sum(satisfied) + sum(tolerating) / 2) / requests) AS apdex,
  sum(events_fatal) + sum(events_error) AS errors
FROM tocsin.service_metrics FINAL
WHERE {_WHERE} AND window_start >= now() - {{seconds:UInt32}}
GROUP BY service, environment ORDER BY service, environment
"""

# Hours are the finest that groups are counted in. Merges are resolved after counting: joining some
# hundred groups costs nothing, joining every event 20 times the scan.
_ISSUES = f"""
SELECT c.id AS group_id, s.title AS title, s.service AS service, s.level AS level,
  s.status AS status, c.n AS count, c.u AS users, c.l AS last_seen
FROM (
  SELECT if(m.merged_into != '', m.merged_into, toString(h.group_id)) AS id,
    sum(h.n) AS n, uniqMerge(h.u) AS u, max(h.l) AS l
  FROM (
    SELECT project, group_id, sum(g.count) AS n, uniqMergeState(g.users) AS u,
      max(g.last_seen) AS l
    FROM tocsin.groups_1h AS g
    WHERE {_WHERE} AND hour >= toStartOfHour(now() - {{seconds:UInt32}})
    GROUP BY project, group_id
  ) AS h LEFT ANY JOIN tocsin.merges AS m USING (project, group_id)
  GROUP BY id
) AS c LEFT ANY JOIN (
  SELECT toString(group_id) AS id, title, service, level, status
  FROM tocsin.issue_states FINAL WHERE project = {{project:String}}
) AS s USING (id)
ORDER BY count DESC, group_id LIMIT 10
"""
_FIRING = f"""
SELECT toString(alert_id) AS alert_id, rule, severity, service, environment, title, state,
  started_at, fired_at, value, threshold
FROM tocsin.alert_history
WHERE {_WHERE} AND state IN ('firing', 'keeping', 'no_data')
ORDER BY severity = 'critical' DESC, fired_at DESC, alert_id LIMIT 50
"""


def overview(
    client: Client, range_: Range, *, project: str, service: str, environment: str
) -> dict[str, Any]:
    """Return one page: range, totals, course (a row a bucket), services, busiest issues, alerts.

    Raises StoreAway.
    """
    span = SPANS[range_]
    parameters = {
        "project": project,
        "service": service,
        "environment": environment,
        "seconds": span.seconds,
        "bucket": span.bucket_s,
    }
    return {
        "range": range_,
        "bucket_s": span.bucket_s,
        "totals": client.rows(_TOTALS, parameters)[0],
        "course": client.rows(_COURSE, parameters),
        "services": client.rows(_SERVICES, parameters),
        "issues": client.rows(_ISSUES, parameters),
        "alerts": client.rows(_FIRING, parameters),
    }
