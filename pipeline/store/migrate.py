"""Numbered DDL, applied in order, each file once; a file that changed afterwards is refused.

Every statement can be repeated (IF NOT EXISTS, OR REPLACE), so a crash in the middle is cured by
running again. Placeholders: ``{on_cluster}`` and ``{SomeMergeTree:version column}``.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pipeline.store.clickhouse import Client

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_ENGINE = re.compile(r"\{(\w*MergeTree)(?::(\w+))?\}")
_END = re.compile(r";[^\S\n]*$", re.MULTILINE)
OLDEST = (26, 2)
_LEDGER = """CREATE TABLE IF NOT EXISTS tocsin.migrations (
  version UInt32, name String, md5 String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree ORDER BY version"""


class MigrationError(Exception):
    """The tables and the files do not fit together; the text says which and what to do."""


class Migration(NamedTuple):
    """One file."""

    version: int
    name: str
    text: str

    @property
    def md5(self) -> str:
        """The checksum of the file as it is."""
        return hashlib.md5(self.text.encode(), usedforsecurity=False).hexdigest()

    def statements(self) -> list[str]:
        """Return the statements for a single server, comments left in."""
        text = self.text.replace("{on_cluster}", "")
        text = _ENGINE.sub(lambda m: f"{m[1]}({m[2]})" if m[2] else m[1], text)
        return [part.strip() for part in _END.split(text) if _says_something(part)]


def _says_something(part: str) -> bool:
    """Whether anything but comments stands in it."""
    lines = (line.strip() for line in part.splitlines())
    return any(line and not line.startswith("--") for line in lines)


def read_migrations(folder: Path) -> list[Migration]:
    """Return the files in order; raises MigrationError for a name or a number that does not fit."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name}: a migration is called NNNN_what.sql")
        found.append(Migration(int(match[1]), match[2], path.read_text("utf-8")))
    numbers = [migration.version for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"{folder}: the numbers are {numbers}, not 1, 2, 3 …")
    return found


def pending(migrations: Iterable[Migration], applied: dict[int, str]) -> list[Migration]:
    """Return what is still to be applied; raises MigrationError if the past does not fit."""
    known = {migration.version: migration for migration in migrations}
    newer = sorted(applied.keys() - known.keys())
    if newer:
        raise MigrationError(
            f"the tables are newer than this tocsin: migrations {newer} are unknown; update tocsin"
        )
    for version, md5 in sorted(applied.items()):
        if known[version].md5 != md5:
            raise MigrationError(
                f"{version:04}_{known[version].name}.sql was changed after it was applied:"
                " put it back and write a new file"
            )
    return [migration for version, migration in sorted(known.items()) if version not in applied]


def migrate(client: Client, migrations: list[Migration]) -> list[Migration]:
    """Apply what is pending and return it; raises MigrationError, StoreAway, StoreRefused."""
    _check_version(client)
    client.command("CREATE DATABASE IF NOT EXISTS tocsin")
    client.command(_LEDGER)
    rows = client.rows("SELECT version, md5 FROM tocsin.migrations FINAL")
    todo = pending(migrations, {row["version"]: row["md5"] for row in rows})
    for migration in todo:
        for statement in migration.statements():
            client.command(statement)
        client.command(
            "INSERT INTO tocsin.migrations (version, name, md5)"
            " VALUES ({version:UInt32}, {name:String}, {md5:String})",
            {"version": migration.version, "name": migration.name, "md5": migration.md5},
        )
    return todo


def _check_version(client: Client) -> None:
    """Refuse a server that lacks the flags of idempotent inserts."""
    text = str(client.rows("SELECT version() AS v")[0]["v"])
    if tuple(int(part) for part in text.split(".")[:2]) < OLDEST:
        raise MigrationError(f"ClickHouse {text} is too old: {OLDEST[0]}.{OLDEST[1]} or newer")
