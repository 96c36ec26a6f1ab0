"""Issues: a page of them, and one with its newest events."""

from typing import Any, NamedTuple

from pipeline.store.clickhouse import Client

# FixedString comes back as bytes, so ids are asked for as text.
_COLUMNS = """toString(group_id) AS group_id, project, service, title, error_type, culprit, level,
  status, template, count, users, first_seen, last_seen, first_release, releases, assignee"""
_LIST = f"""
SELECT {_COLUMNS} FROM tocsin.issues_window(days = {{days:UInt16}})
WHERE project = {{project:String}} AND count > 0
  AND ({{service:String}} = '' OR service = {{service:String}})
  AND ({{status:String}} = '' OR status = {{status:String}})
  AND ({{text:String}} = '' OR positionCaseInsensitive(title, {{text:String}}) > 0)
  AND (last_seen, toString(group_id)) < ({{before:DateTime64(3, 'UTC')}}, {{before_id:String}})
ORDER BY last_seen DESC, group_id DESC LIMIT {{limit:UInt16}}
"""
_ONE = f"""
SELECT {_COLUMNS} FROM tocsin.issues_window(days = 90)
WHERE project = {{project:String}} AND toString(group_id) = {{group_id:String}}
"""
_EVENTS = """
SELECT toString(event_id) AS event_id, ts, service, environment, release, level, message,
  error_type, culprit, stack, user_id, trace_id, tags, group_how, group_score,
  raw_partition, raw_offset
FROM tocsin.events
WHERE project = {project:String} AND service = {service:String}
  AND group_id = {group_id:String}
ORDER BY ts DESC LIMIT {limit:UInt16}
"""
_DECISIONS = """
SELECT toString(fingerprint) AS fingerprint, how, rule, score, runner_up, guard, canonical_key
FROM tocsin.grouping_decisions
WHERE project = {project:String} AND toString(group_id) = {group_id:String}
ORDER BY seq LIMIT 50
"""
FIRST = ("2100-01-01 00:00:00.000", "g")


class Filter(NamedTuple):
    """Which issues a page shows; '' leaves a filter out."""

    project: str = "default"
    service: str = ""
    status: str = ""
    text: str = ""
    days: int = 30


def issues(
    client: Client, wanted: Filter, *, limit: int, before: tuple[str, str] = FIRST
) -> list[dict[str, Any]]:
    """Return a page of issues, the newest first; ``before`` is (last_seen, id) of the last seen."""
    at, group_id = before
    return client.rows(
        _LIST, {**wanted._asdict(), "limit": limit, "before": at, "before_id": group_id}
    )


def issue(
    client: Client, group_id: str, *, project: str = "default", events: int = 10
) -> dict[str, Any] | None:
    """Return an issue with its newest events and the decisions behind it, None if unknown."""
    found = client.rows(_ONE, {"project": project, "group_id": group_id})
    if not found:
        return None
    asked = {
        "project": project,
        "group_id": group_id,
        "service": found[0]["service"],
        "limit": events,
    }
    return {
        **found[0],
        "events": client.rows(_EVENTS, asked),
        "decisions": client.rows(_DECISIONS, asked),
    }
