"""What a command needs to know before it acts on issues, and what was done to one."""

from typing import Any

from pipeline.store.clickhouse import Client

# The group's founder has the key that names the owner; a founder's fingerprint is the group's id.
_TARGETS = """
SELECT toString(i.group_id) AS group_id, i.title AS title, i.status AS status,
  i.merged_into AS merged_into, i.first_seen AS first_seen, f.service AS service,
  f.error_type AS error_type
FROM (SELECT * FROM tocsin.issue_states FINAL WHERE project = {project:String}) AS i
INNER JOIN (SELECT * FROM tocsin.fingerprints FINAL WHERE project = {project:String}) AS f
  ON f.fingerprint = i.group_id
WHERE has({groups:Array(String)}, toString(i.group_id))
  OR has({groups:Array(String)}, i.merged_into)
ORDER BY first_seen, group_id
"""
_ASKED = """
SELECT toString(action_id) AS action_id, kind, author, at, project, target
FROM tocsin.actions FINAL
WHERE project = {project:String} AND has({ids:Array(String)}, toString(action_id))
"""
# An owner signs a state with the action's time and author: so a change finds what asked for it.
_HISTORY = """
SELECT h.version AS version, h.at AS at, h.by AS author, a.kind AS action, h.status AS status,
  h.merged_into AS merged_into, h.assignee AS assignee, a.reason AS reason,
  if(a.kind = '', '', toString(a.action_id)) AS action_id
FROM (
  SELECT * FROM tocsin.issue_history FINAL
  WHERE project = {project:String} AND toString(group_id) = {group_id:String}
) AS h
LEFT ANY JOIN (
  SELECT * FROM tocsin.actions FINAL WHERE project = {project:String} AND target_type = 'issue'
) AS a ON a.at = h.at AND a.author = h.by
ORDER BY version
"""


def targets(client: Client, groups: list[str], *, project: str) -> list[dict[str, Any]]:
    """Return these issues and what was merged into them, the oldest first."""
    return client.rows(_TARGETS, {"project": project, "groups": groups})


def asked(client: Client, ids: list[str], *, project: str) -> list[dict[str, Any]]:
    """Return what was asked for under these ids."""
    return client.rows(_ASKED, {"project": project, "ids": ids})


def history(client: Client, group_id: str, *, project: str) -> list[dict[str, Any]]:
    """Return every change of an issue, the first one first."""
    return client.rows(_HISTORY, {"project": project, "group_id": group_id})
