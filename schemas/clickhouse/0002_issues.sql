-- Issues (topic groups).

-- State only; counters come from groups_1h. Writers send full rows: a partial row blanks the other columns.
CREATE TABLE IF NOT EXISTS tocsin.issue_states{on_cluster} (
  project LowCardinality(String),
  group_id FixedString(16),
  title String CODEC(ZSTD(1)),
  error_type LowCardinality(String),
  culprit LowCardinality(String),
  service LowCardinality(String),
  level LowCardinality(String),
  status LowCardinality(String),
  merged_into String,
  assignee LowCardinality(String),
  resolved_in_release String,
  ignored_until String,
  template String CODEC(ZSTD(1)),
  first_seen DateTime64(3, 'UTC'),
  first_release String,
  episode_started_at DateTime64(3, 'UTC'),
  updated_at DateTime64(3, 'UTC'),
  updated_by LowCardinality(String),
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
ORDER BY (project, group_id);

CREATE TABLE IF NOT EXISTS tocsin.issue_history{on_cluster} (
  project LowCardinality(String),
  group_id FixedString(16),
  status LowCardinality(String),
  merged_into String,
  assignee LowCardinality(String),
  service LowCardinality(String),
  episode_started_at DateTime64(3, 'UTC'),
  at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  by LowCardinality(String),
  version UInt64
) ENGINE = {ReplacingMergeTree}
ORDER BY (project, group_id, version);

CREATE MATERIALIZED VIEW IF NOT EXISTS tocsin.issue_history_mv{on_cluster} TO tocsin.issue_history AS
SELECT project, group_id, status, merged_into, assignee, service, episode_started_at, updated_at AS at, updated_by AS by, version
FROM tocsin.issue_states;

-- One row per fingerprint: which group it belongs to and why (the grouping decision).
CREATE TABLE IF NOT EXISTS tocsin.fingerprints{on_cluster} (
  project LowCardinality(String),
  service LowCardinality(String),
  error_type LowCardinality(String),
  fingerprint FixedString(16),
  group_id FixedString(16),
  grouping_version UInt8,
  how LowCardinality(String),
  rule LowCardinality(String),
  score Float32,
  runner_up String,
  runner_up_score Float32,
  guard LowCardinality(String),
  merged_into String,
  canonical_key String CODEC(ZSTD(1)),
  seq UInt64,
  first_seen DateTime64(3, 'UTC'),
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
ORDER BY (project, fingerprint);

-- What people did (resolve, ignore, merge, assign, acknowledge ...), as they asked for it.
CREATE TABLE IF NOT EXISTS tocsin.actions{on_cluster} (
  action_id UUID,
  at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  author LowCardinality(String),
  kind LowCardinality(String),
  target_type LowCardinality(String),
  target String CODEC(ZSTD(1)),
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  reason String CODEC(ZSTD(1)),
  details String CODEC(ZSTD(3)),
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
PARTITION BY toYYYYMM(at) ORDER BY (kind, at, action_id)
TTL toDateTime(at) + INTERVAL 730 DAY DELETE;
