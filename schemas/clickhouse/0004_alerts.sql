-- Alerts, deliveries (topics alerts, silences, notifications.log).

-- One row per transition; (alert_id, seq) is its identity. Tombstones of the topic are not stored.
CREATE TABLE IF NOT EXISTS tocsin.alerts{on_cluster} (
  alert_id UUID,
  rule LowCardinality(String),
  dedup_key String CODEC(ZSTD(1)),
  state LowCardinality(String),
  flags Array(LowCardinality(String)),
  reason LowCardinality(String),
  at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  as_of DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  started_at DateTime64(3, 'UTC'),
  severity LowCardinality(String),
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  group_id String,
  value Nullable(Float64),
  threshold Float64,
  numerator UInt64,
  denominator UInt64,
  window_start DateTime('UTC'),
  window_end DateTime('UTC'),
  title String CODEC(ZSTD(1)),
  explanation String CODEC(ZSTD(3)),
  labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  told Array(LowCardinality(String)),
  actor LowCardinality(String),
  seq UInt64
) ENGINE = {ReplacingMergeTree}
PARTITION BY toYYYYMM(started_at) ORDER BY (rule, started_at, alert_id, seq)
TTL toDateTime(started_at) + INTERVAL 400 DAY DELETE;

CREATE TABLE IF NOT EXISTS tocsin.silences{on_cluster} (
  silence_id UUID,
  matchers String CODEC(ZSTD(1)),
  starts_at DateTime('UTC'),
  ends_at DateTime('UTC'),
  author LowCardinality(String),
  reason String CODEC(ZSTD(1)),
  cancelled Bool,
  updated_at DateTime64(3, 'UTC'),
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
ORDER BY silence_id;

-- One row per attempt.
CREATE TABLE IF NOT EXISTS tocsin.notification_attempts{on_cluster} (
  notification_id String,
  alert_ids Array(UUID),
  alert_group String CODEC(ZSTD(1)),
  channel LowCardinality(String),
  target String CODEC(ZSTD(1)),
  severity LowCardinality(String),
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  attempt UInt16,
  at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  outcome LowCardinality(String),
  http_status UInt16,
  latency_ms Float32,
  error String CODEC(ZSTD(1)),
  provider_ref String,
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
PARTITION BY toYYYYMM(at) ORDER BY (channel, notification_id, attempt)
TTL toDateTime(at) + INTERVAL 180 DAY DELETE;
