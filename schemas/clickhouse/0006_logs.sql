-- Topic logs: record = log, audit, recovery, analysis.

CREATE TABLE IF NOT EXISTS tocsin.logs{on_cluster} (
  ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  `@timestamp` DateTime64(3, 'UTC') ALIAS ts,
  service LowCardinality(String),
  environment LowCardinality(String),
  version LowCardinality(String),
  severity LowCardinality(String),
  logger LowCardinality(String),
  message String CODEC(ZSTD(1)),
  fields Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  error_type LowCardinality(String),
  stack String CODEC(ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  request_id String CODEC(ZSTD(1)),
  src_partition UInt16 CODEC(T64, ZSTD(1)),
  src_offset UInt64 CODEC(Delta(8), ZSTD(1)),
  INDEX idx_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_message message TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(message))
) ENGINE = {ReplacingMergeTree}
PARTITION BY toDate(ts) ORDER BY (service, severity, ts, src_partition, src_offset)
TTL toDateTime(ts) + INTERVAL 14 DAY DELETE
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS tocsin.audit{on_cluster} (
  ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  action LowCardinality(String),
  user_id String CODEC(ZSTD(1)),
  details String CODEC(ZSTD(3)),
  request_id String CODEC(ZSTD(1)),
  trace_id String CODEC(ZSTD(1)),
  src_partition UInt16,
  src_offset UInt64
) ENGINE = {ReplacingMergeTree}
PARTITION BY toYYYYMM(ts) ORDER BY (service, action, ts, src_partition, src_offset)
TTL toDateTime(ts) + INTERVAL 730 DAY DELETE;

CREATE TABLE IF NOT EXISTS tocsin.recovery{on_cluster} (
  ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  service LowCardinality(String),
  environment LowCardinality(String),
  operation LowCardinality(String),
  strategy LowCardinality(String),
  error_type LowCardinality(String),
  outcome Enum8('success' = 1, 'failure' = 2, 'rejected' = 3),
  attempts UInt16,
  duration_ms Float32,
  breaker_state LowCardinality(String),
  trace_id String CODEC(ZSTD(1)),
  src_partition UInt16,
  src_offset UInt64
) ENGINE = {ReplacingMergeTree}
PARTITION BY toYYYYMM(ts) ORDER BY (service, operation, ts, src_partition, src_offset)
TTL toDateTime(ts) + INTERVAL 90 DAY DELETE;

-- One row per finding of one analysis run (handlers, patterns, recommendations).
CREATE TABLE IF NOT EXISTS tocsin.code_analysis{on_cluster} (
  run_id UUID,
  run_at DateTime64(3, 'UTC'),
  service LowCardinality(String),
  revision String,
  language LowCardinality(String),
  kind LowCardinality(String),
  rule LowCardinality(String),
  severity LowCardinality(String),
  file String CODEC(ZSTD(1)),
  line UInt32,
  function String CODEC(ZSTD(1)),
  error_types Array(LowCardinality(String)),
  swallows Bool,
  snippet String CODEC(ZSTD(1)),
  advice String CODEC(ZSTD(1)),
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
ORDER BY (service, run_id, file, line, rule, kind)
TTL toDateTime(run_at) + INTERVAL 400 DAY DELETE;
