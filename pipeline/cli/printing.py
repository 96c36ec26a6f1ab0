"""How the reading commands reach the store, and how they print."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import complain, reachable

if TYPE_CHECKING:
    from pipeline.store.clickhouse import Client

Project = Annotated[str, typer.Option("--project")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500)]


@contextmanager
def store(data: Any) -> Iterator["Client"]:
    """Give a client; a store that does not answer is one sentence and exit code 1."""
    from pipeline.store.clickhouse import StoreError, connect

    client = connect(reachable(data).clickhouse)
    try:
        yield client
    except StoreError as error:
        complain(f"ClickHouse: {str(error)[:300]}; is `tocsin up` running?")
        raise typer.Exit(1) from error
    finally:
        client.close()


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    import orjson

    print(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], empty: str) -> None:
    """Print rows as a table, or a sentence if there are none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        print(empty)
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row[column])) for column in columns))
    Console().print(table)


def cell(value: Any) -> str:
    """Return a value as a cell."""
    if value is None:
        return "-"
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y-%m-%d %H:%M:%S"))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
