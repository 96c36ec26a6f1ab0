"""``tocsin migrate``: make the tables, or bring them up to date."""

import typer

from pipeline.cli.options import Data, Json, complain, reachable


def migrate(data: Data, json: Json = False) -> None:
    """Apply the numbered DDL that ClickHouse lacks; exit code 2 if files and tables do not fit.

    Examples: `tocsin migrate`, `TOCSIN_CLICKHOUSE__URL=http://ch:8123 tocsin migrate`
    """
    import msgspec

    from pipeline.io.resources import schemas
    from pipeline.store.clickhouse import StoreError, connect
    from pipeline.store.migrate import MigrationError, read_migrations
    from pipeline.store.migrate import migrate as apply

    client = connect(reachable(data).clickhouse)
    try:
        done = apply(client, read_migrations(schemas() / "clickhouse"))
    except (MigrationError, StoreError) as error:
        what = "ClickHouse: " if isinstance(error, StoreError) else ""
        complain(f"{what}{error}")
        raise typer.Exit(2) from error
    finally:
        client.close()
    names = [f"{found.version:04}_{found.name}" for found in done]
    if json:
        print(msgspec.json.encode({"applied": names}).decode())
        return
    for name in names:
        print(f"applied {name}")
    print(f"{len(names)} migrations applied")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(migrate)
