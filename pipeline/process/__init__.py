"""Raw events become ClickHouse rows with a fingerprint; pure."""
