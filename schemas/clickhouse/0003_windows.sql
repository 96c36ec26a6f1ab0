-- Windows, signals (topics windows, signals).

-- Full values, additive over seq: seq 0 is the closed window, a late correction is its own row with seq = frame offset + 1.
CREATE TABLE IF NOT EXISTS tocsin.service_metrics{on_cluster} (
  window_start DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  window_s UInt16 DEFAULT 60,
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  seq UInt64 DEFAULT 0,
  partial Bool DEFAULT false,
  requests UInt64 CODEC(T64, ZSTD(1)),
  requests_failed UInt64 CODEC(T64, ZSTD(1)),
  satisfied UInt64 CODEC(T64, ZSTD(1)),
  tolerating UInt64 CODEC(T64, ZSTD(1)),
  latency Map(Int16, UInt64) CODEC(ZSTD(1)),
  latency_sum_ms Float64,
  events_fatal UInt64 CODEC(T64, ZSTD(1)),
  events_error UInt64 CODEC(T64, ZSTD(1)),
  events_warning UInt64 CODEC(T64, ZSTD(1)),
  unhandled UInt64 CODEC(T64, ZSTD(1)),
  sessions UInt64 CODEC(T64, ZSTD(1)),
  sessions_errored UInt64 CODEC(T64, ZSTD(1)),
  sessions_crashed UInt64 CODEC(T64, ZSTD(1)),
  sessions_abnormal UInt64 CODEC(T64, ZSTD(1)),
  user_hashes Array(UInt64) EPHEMERAL,
  users AggregateFunction(uniq, UInt64) DEFAULT arrayReduce('uniqState', user_hashes) CODEC(ZSTD(1)),
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
PARTITION BY toDate(window_start) ORDER BY (project, service, environment, window_start, window_s, seq)
TTL window_start + INTERVAL 90 DAY DELETE
SETTINGS ttl_only_drop_parts = 1;

-- Resource samples of one host in one window: cpu, memory in percent used; disk in percent free.
CREATE TABLE IF NOT EXISTS tocsin.resource_samples{on_cluster} (
  window_start DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  window_s UInt16 DEFAULT 60,
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  host LowCardinality(String),
  seq UInt64 DEFAULT 0,
  samples UInt32,
  cpu_sum Float64,
  cpu_max Float32,
  memory_sum Float64,
  memory_max Float32,
  memory_rss_max UInt64,
  disk_free_sum Float64,
  disk_free_min Float32,
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
PARTITION BY toDate(window_start) ORDER BY (project, service, environment, host, window_start, window_s, seq)
TTL window_start + INTERVAL 30 DAY DELETE
SETTINGS ttl_only_drop_parts = 1;

-- kind: anomaly, new, regressed, escalating, users, first_in_release.
CREATE TABLE IF NOT EXISTS tocsin.signals{on_cluster} (
  signal_id UUID,
  kind LowCardinality(String),
  at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  window_start DateTime('UTC'),
  window_end DateTime('UTC'),
  project LowCardinality(String),
  service LowCardinality(String),
  environment LowCardinality(String),
  group_id String,
  metric LowCardinality(String),
  detector LowCardinality(String),
  type LowCardinality(String),
  severity LowCardinality(String),
  resolved Bool,
  observed Float64,
  expected Float64,
  lower Float64,
  upper Float64,
  score Float32,
  numerator UInt64,
  denominator UInt64,
  explanation String CODEC(ZSTD(1)),
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
PARTITION BY toYYYYMM(at) ORDER BY (project, service, kind, metric, at, environment, group_id, detector, signal_id)
TTL toDateTime(at) + INTERVAL 400 DAY DELETE;
