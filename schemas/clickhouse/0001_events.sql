-- Events (topic events.grouped).

CREATE DATABASE IF NOT EXISTS tocsin{on_cluster};

CREATE TABLE IF NOT EXISTS tocsin.events{on_cluster} (
  event_id UUID CODEC(NONE),
  ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  release LowCardinality(String),
  level LowCardinality(String),
  platform LowCardinality(String),
  group_id FixedString(16) CODEC(ZSTD(1)),
  fingerprint FixedString(16) CODEC(ZSTD(1)),
  grouping_version UInt8,
  group_how LowCardinality(String),
  group_rule LowCardinality(String),
  group_score Float32 CODEC(ZSTD(1)),
  group_runner_up String CODEC(ZSTD(1)),
  group_guard LowCardinality(String),
  error_type LowCardinality(String),
  message String CODEC(ZSTD(1)),
  culprit LowCardinality(String),
  file LowCardinality(String),
  stack String CODEC(ZSTD(1)),
  handled Bool,
  user_id String CODEC(ZSTD(1)),
  session_id String CODEC(ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  span_id String CODEC(ZSTD(1)),
  http_method LowCardinality(String),
  http_route LowCardinality(String),
  http_status UInt16 CODEC(T64, ZSTD(1)),
  url String CODEC(ZSTD(1)),
  host LowCardinality(String),
  sdk LowCardinality(String),
  sample_weight Float32 DEFAULT 1 CODEC(ZSTD(1)),
  tags Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  contexts String CODEC(ZSTD(3)),
  breadcrumbs String CODEC(ZSTD(3)),
  raw_partition UInt16 CODEC(T64, ZSTD(1)),
  raw_offset UInt64 CODEC(Delta(8), ZSTD(1)),
  src_topic LowCardinality(String) DEFAULT 'events.grouped',
  src_partition UInt16 CODEC(T64, ZSTD(1)),
  src_offset UInt64 CODEC(Delta(8), ZSTD(1)),
  inserted_at DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1)),
  INDEX idx_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_user user_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_event event_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_offset src_offset TYPE minmax GRANULARITY 1,
  INDEX idx_tag_keys mapKeys(tags) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_tag_values mapValues(tags) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_message message TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(message))
) ENGINE = {MergeTree}
PARTITION BY toDate(ts) ORDER BY (project, service, group_id, ts)
TTL toDateTime(ts) + INTERVAL 90 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000,
  replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1;

-- Rollups carry src_partition: only the owner of that partition writes these rows, so a rebuild after a crash needs no lock.
CREATE TABLE IF NOT EXISTS tocsin.events_1m{on_cluster} (
  minute DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  level LowCardinality(String),
  src_partition UInt16,
  count SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
  weighted SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
  unhandled SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
) ENGINE = {AggregatingMergeTree}
PARTITION BY toDate(minute) ORDER BY (project, service, environment, level, minute, src_partition)
TTL minute + INTERVAL 90 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000,
  replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS tocsin.events_1m_mv{on_cluster} TO tocsin.events_1m AS
SELECT toStartOfMinute(ts) AS minute, project, service, environment, level, src_partition,
  count() AS count, sum(sample_weight) AS weighted, countIf(NOT handled) AS unhandled
FROM tocsin.events
GROUP BY minute, project, service, environment, level, src_partition;

CREATE TABLE IF NOT EXISTS tocsin.groups_1h{on_cluster} (
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  group_id FixedString(16) CODEC(ZSTD(1)),
  src_partition UInt16,
  count SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
  weighted SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
  users AggregateFunction(uniq, String) CODEC(ZSTD(1)),
  first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
  last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
  releases SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1))
) ENGINE = {AggregatingMergeTree}
PARTITION BY toDate(hour) ORDER BY (project, service, group_id, hour, environment, src_partition)
TTL hour + INTERVAL 400 DAY DELETE
SETTINGS index_granularity = 512, non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000,
  replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS tocsin.groups_1h_mv{on_cluster} TO tocsin.groups_1h AS
SELECT toStartOfHour(ts) AS hour, project, service, environment, group_id, src_partition,
  count() AS count, sum(sample_weight) AS weighted, uniqStateIf(user_id, user_id != '') AS users,
  min(ts) AS first_seen, max(ts) AS last_seen, groupUniqArrayIf(20)(release::String, release != '') AS releases
FROM tocsin.events
GROUP BY hour, project, service, environment, group_id, src_partition;

-- The "stored" side of the accounting, by the hour of receipt (late events keep the hour in which they were accepted).
CREATE TABLE IF NOT EXISTS tocsin.stored_1h{on_cluster} (
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  project LowCardinality(String),
  service LowCardinality(String),
  src_partition UInt16,
  count SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))
) ENGINE = {AggregatingMergeTree}
PARTITION BY toYYYYMM(hour) ORDER BY (project, service, hour, src_partition)
TTL hour + INTERVAL 400 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000,
  replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS tocsin.stored_1h_mv{on_cluster} TO tocsin.stored_1h AS
SELECT toStartOfHour(received_at) AS hour, project, service, src_partition, count() AS count
FROM tocsin.events
GROUP BY hour, project, service, src_partition;
