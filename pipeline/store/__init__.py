"""ClickHouse: client, tables, migrations, sink, queries and the embedded server."""
