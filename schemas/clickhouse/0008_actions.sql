-- What people do to issues (topic actions).

-- A merge across owners may meet another one: the root is up to four steps away, whoever came first.
CREATE OR REPLACE VIEW tocsin.merges{on_cluster} AS
WITH m AS (SELECT project, group_id::String AS id, merged_into AS into FROM tocsin.issue_states FINAL WHERE merged_into != '')
SELECT a.project AS project, a.id::FixedString(16) AS group_id,
  multiIf(d.into != '', d.into, c.into != '', c.into, b.into != '', b.into, a.into) AS merged_into
FROM m AS a
LEFT ANY JOIN m AS b ON b.project = a.project AND b.id = a.into
LEFT ANY JOIN m AS c ON c.project = a.project AND c.id = b.into
LEFT ANY JOIN m AS d ON d.project = a.project AND d.id = c.into;

-- An episode ends with its last resolve: what changes while it is resolved is no resolve, and one that was undone is none.
CREATE OR REPLACE VIEW tocsin.mttr{on_cluster} AS
SELECT project, service, toStartOfDay(resolved_at) AS day, count() AS resolved,
  avg(dateDiff('millisecond', episode_started_at, resolved_at)) / 1000 AS mttr_s,
  quantileExact(0.5)(dateDiff('millisecond', episode_started_at, resolved_at)) / 1000 AS median_s
FROM (
  SELECT project, service, group_id, episode_started_at, maxIf(at, status = 'resolved' AND before != 'resolved') AS resolved_at
  FROM (
    SELECT *, lagInFrame(status::String, 1, '') OVER (PARTITION BY project, group_id ORDER BY version) AS before FROM tocsin.issue_history FINAL
  )
  GROUP BY project, service, group_id, episode_started_at
  HAVING argMaxIf(status, version, status != 'merged') = 'resolved'
)
GROUP BY project, service, day;
