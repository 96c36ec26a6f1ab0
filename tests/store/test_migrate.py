"""Migrations: each file once, in order, unchanged."""

from pathlib import Path

import pytest

from pipeline.io.resources import schemas
from pipeline.store.migrate import (
    Migration,
    MigrationError,
    migrate,
    pending,
    read_migrations,
)
from tests.store.served import Served

FILES = read_migrations(schemas() / "clickhouse")
APPLIED = {migration.version: migration.md5 for migration in FILES}


def test_applying_twice_does_nothing(store: Served) -> None:
    """The second run finds everything applied."""
    client = store.client()
    try:
        assert migrate(client, FILES) == []
    finally:
        client.close()


def test_a_changed_file_is_refused() -> None:
    """A file that changed after it was applied stops with its name."""
    changed = [FILES[0]._replace(text=FILES[0].text + "\nSELECT 1;\n"), *FILES[1:]]
    with pytest.raises(MigrationError, match=r"0001_events\.sql was changed"):
        pending(changed, APPLIED)


def test_newer_tables_are_refused() -> None:
    """Tables of a newer version stop an older tocsin."""
    with pytest.raises(MigrationError, match="newer than this tocsin"):
        pending(FILES[:-1], APPLIED)


def test_what_is_missing_is_pending_in_order() -> None:
    """Only files that were not applied are, in order."""
    assert pending(FILES, {1: FILES[0].md5}) == FILES[1:]


def test_placeholders_become_engines() -> None:
    """A single server gets plain engines, and query parameters are left alone."""
    text = "CREATE TABLE t{on_cluster} (v UInt8) ENGINE = {ReplacingMergeTree:v};\n-- done\n"
    view = "CREATE VIEW w AS SELECT {days:UInt16};"

    assert Migration(1, "t", text + view).statements() == [
        "CREATE TABLE t (v UInt8) ENGINE = ReplacingMergeTree(v)",
        "-- done\nCREATE VIEW w AS SELECT {days:UInt16}",
    ]


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    """Files are numbered without gaps."""
    (tmp_path / "0002_x.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="not 1, 2, 3"):
        read_migrations(tmp_path)
