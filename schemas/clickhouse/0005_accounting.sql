-- Dead letters, accounting.

-- No payload here: the topic keeps the bytes, this table a scrubbed preview. reason 'gap': the range [src_offset, src_end) was lost or unreadable.
CREATE TABLE IF NOT EXISTS tocsin.dead_letters{on_cluster} (
  failed_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  stage LowCardinality(String),
  project LowCardinality(String),
  service LowCardinality(String),
  reason LowCardinality(String),
  error_class LowCardinality(String),
  error String CODEC(ZSTD(1)),
  attempts UInt8,
  src_topic LowCardinality(String),
  src_partition UInt16,
  src_offset UInt64,
  src_end UInt64 DEFAULT src_offset + 1,
  dead_partition UInt16,
  dead_offset UInt64,
  key String CODEC(ZSTD(1)),
  preview String CODEC(ZSTD(3)),
  payload_bytes UInt32,
  replayed_at DateTime('UTC') DEFAULT 0,
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
PARTITION BY toYYYYMM(failed_at) ORDER BY (stage, src_topic, src_partition, src_offset)
TTL toDateTime(failed_at) + INTERVAL 30 DAY DELETE;

-- One statement about a quantity per row. origin 'pipeline': from frames (by way of windows) and dead-letters; 'client': from client-reports.
-- row_id names the statement, so that a second copy replaces the first.
CREATE TABLE IF NOT EXISTS tocsin.outcomes{on_cluster} (
  hour DateTime('UTC'),
  project LowCardinality(String),
  service LowCardinality(String),
  kind LowCardinality(String),
  origin LowCardinality(String),
  outcome LowCardinality(String),
  reason LowCardinality(String),
  row_id String CODEC(ZSTD(1)),
  quantity UInt64 CODEC(T64, ZSTD(1)),
  version UInt64
) ENGINE = {ReplacingMergeTree:version}
PARTITION BY toYYYYMM(hour) ORDER BY (project, service, hour, kind, origin, outcome, reason, row_id)
TTL hour + INTERVAL 400 DAY DELETE;
