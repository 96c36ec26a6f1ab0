-- Stable views: the analyst contract.

-- Merges are resolved after aggregation: joining 600 groups costs nothing, joining every event costs 20 times the scan.

CREATE OR REPLACE VIEW tocsin.merges{on_cluster} AS
SELECT project, group_id, merged_into FROM tocsin.issue_states FINAL WHERE merged_into != '';

CREATE OR REPLACE VIEW tocsin.issues_window{on_cluster} AS
SELECT i.*, g.count AS count, g.weighted AS weighted, g.users AS users, g.seen_first AS seen_first, g.last_seen AS last_seen, g.releases AS releases
FROM (SELECT * FROM tocsin.issue_states FINAL WHERE merged_into = '') AS i
LEFT JOIN (
  SELECT project, if(m.merged_into != '', m.merged_into, h.group_id::String)::FixedString(16) AS group_id, sum(h.n) AS count, sum(h.w) AS weighted,
    uniqMerge(h.u) AS users, min(h.f) AS seen_first, max(h.l) AS last_seen, groupUniqArrayArray(h.r) AS releases
  FROM (
    SELECT project, group_id, sum(count) AS n, sum(weighted) AS w, uniqMergeState(users) AS u, min(first_seen) AS f, max(last_seen) AS l,
      groupUniqArrayArray(releases) AS r
    FROM tocsin.groups_1h WHERE hour >= toStartOfHour(now() - INTERVAL {days:UInt16} DAY) GROUP BY project, group_id
  ) AS h LEFT ANY JOIN tocsin.merges AS m USING (project, group_id)
  GROUP BY project, group_id
) AS g USING (project, group_id);

CREATE OR REPLACE VIEW tocsin.issues{on_cluster} AS
SELECT * FROM tocsin.issues_window(days = 30);

CREATE OR REPLACE VIEW tocsin.rates_1m{on_cluster} AS
SELECT toStartOfMinute(window_start) AS minute, project, service, environment,
  sum(requests) AS requests, sum(requests_failed) AS requests_failed, if(requests = 0, NULL, requests_failed / requests) AS error_rate,
  if(requests = 0, 1, (sum(satisfied) + sum(tolerating) / 2) / requests) AS apdex,
  requests / 60 AS throughput, sum(events_fatal) AS events_fatal, sum(events_error) AS events_error, sum(events_warning) AS events_warning,
  sumMap(latency) AS latency_buckets,
  arrayReduce('quantilesExactWeighted(0.5, 0.95, 0.99)', arrayMap(k -> pow(1.02, k) * 2 / 2.02, mapKeys(latency_buckets)), mapValues(latency_buckets)) AS q,
  if(requests = 0, NULL, q[1]) AS p50_ms, if(requests = 0, NULL, q[2]) AS p95_ms, if(requests = 0, NULL, q[3]) AS p99_ms,
  sum(sessions) AS sessions, sum(sessions_crashed) AS sessions_crashed, uniqMerge(users) AS users, max(partial) AS partial, max(seq) > 0 AS corrected
FROM tocsin.service_metrics FINAL
GROUP BY minute, project, service, environment;

CREATE OR REPLACE VIEW tocsin.mttr{on_cluster} AS
SELECT project, service, toStartOfDay(at) AS day, count() AS resolved,
  avg(dateDiff('millisecond', episode_started_at, at)) / 1000 AS mttr_s,
  quantileExact(0.5)(dateDiff('millisecond', episode_started_at, at)) / 1000 AS median_s
FROM tocsin.issue_history FINAL
WHERE status = 'resolved'
GROUP BY project, service, day;

CREATE OR REPLACE VIEW tocsin.anomalies{on_cluster} AS
SELECT * FROM tocsin.signals FINAL WHERE kind = 'anomaly';

CREATE OR REPLACE VIEW tocsin.alert_history{on_cluster} AS
SELECT a.alert_id, a.rule, argMax(a.severity, a.seq) AS severity, any(a.project) AS project, any(a.service) AS service, any(a.environment) AS environment,
  any(a.title) AS title, min(a.started_at) AS started_at, minOrNullIf(a.at, a.state = 'firing') AS fired_at,
  maxOrNullIf(a.at, a.state = 'resolved') AS resolved_at,
  argMax(a.state, a.seq) AS state, argMax(a.reason, a.seq) AS reason, count() AS transitions, argMax(a.value, a.seq) AS value, any(a.threshold) AS threshold,
  argMax(a.told, a.seq) AS told
FROM tocsin.alerts AS a FINAL
GROUP BY a.alert_id, a.rule;

CREATE OR REPLACE VIEW tocsin.notifications{on_cluster} AS
SELECT n.notification_id, n.channel, any(n.target) AS target, any(n.alert_ids) AS alert_ids, any(n.severity) AS severity, any(n.service) AS service,
  max(n.attempt) AS attempts, min(n.at) AS first_at, max(n.at) AS last_at, argMax(n.outcome, n.attempt) AS outcome,
  argMax(n.http_status, n.attempt) AS http_status, argMax(n.latency_ms, n.attempt) AS latency_ms, argMax(n.error, n.attempt) AS error
FROM tocsin.notification_attempts AS n FINAL
GROUP BY n.notification_id, n.channel;

CREATE OR REPLACE VIEW tocsin.grouping_decisions{on_cluster} AS
SELECT * FROM tocsin.fingerprints FINAL;

CREATE OR REPLACE VIEW tocsin.accounting{on_cluster} AS
SELECT hour, project, service, kind, sumIf(q, o = 'accepted') AS accepted, sumIf(q, o = 'stored') AS stored, sumIf(q, o = 'aggregated') AS aggregated,
  sumIf(q, o = 'duplicate') AS duplicate, sumIf(q, o = 'sampled') AS sampled, sumIf(q, o = 'filtered') AS filtered,
  sumIf(q, o = 'dead_lettered') AS dead_lettered, sumIf(q, o = 'gap') AS gap,
  toInt64(accepted) - toInt64(stored + aggregated + duplicate + sampled + filtered + dead_lettered + gap) AS unexplained
FROM (
  SELECT hour, project, service, kind, outcome AS o, sum(quantity) AS q FROM tocsin.outcomes FINAL WHERE origin = 'pipeline'
  GROUP BY hour, project, service, kind, o
  UNION ALL
  SELECT hour, project, service, 'error' AS kind, 'stored' AS o, sum(count) AS q FROM tocsin.stored_1h GROUP BY hour, project, service
)
GROUP BY hour, project, service, kind;
