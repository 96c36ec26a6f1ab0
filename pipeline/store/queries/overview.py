"""The overview: totals, the course of errors and requests, and the busiest issues."""

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


def overview(
    client: Client, range_: Range, *, project: str, service: str, environment: str
) -> dict[str, Any]:
    """Return one page: range, totals, course (a row a bucket) and services; raises StoreAway."""
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
    }
