"""One module per ingest format."""
