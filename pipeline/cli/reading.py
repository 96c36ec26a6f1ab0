"""``tocsin issues``, ``alerts`` and ``dead-letters``: what the pipeline knows, in the terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import Data, Json, complain, reachable

if TYPE_CHECKING:
    from pipeline.store.clickhouse import Client

issues_app = typer.Typer(name="issues", help="What breaks.", no_args_is_help=True)
alerts_app = typer.Typer(name="alerts", help="What fires.", no_args_is_help=True)
dead_letters_app = typer.Typer(
    name="dead-letters", help="What could not be read, and why.", no_args_is_help=True
)

Project = Annotated[str, typer.Option("--project")]
Service = Annotated[str, typer.Option("--service", help="Only this service.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500)]
Place = Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="As `list` shows it.")]


@contextmanager
def _store(data: Any) -> Iterator["Client"]:
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


def _json(value: Any) -> None:
    """Print a value as JSON."""
    import orjson

    print(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode())


def _table(rows: Sequence[dict[str, Any]], columns: Sequence[str], empty: str) -> None:
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
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    Console().print(table)


def _cell(value: Any) -> str:
    """Return a value as a cell."""
    if value is None:
        return "-"
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y-%m-%d %H:%M:%S"))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@issues_app.command(name="list")
def list_issues(
    data: Data,
    project: Project = "default",
    service: Service = "",
    status: Annotated[str, typer.Option("--status", help="open, resolved or ignored.")] = "",
    text: Annotated[str, typer.Option("--text", help="Part of the title.")] = "",
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List issues, the one seen last first.

    Example: `tocsin issues list --service checkout`
    """
    from pipeline.store.queries.issues import Filter, issues

    with _store(data) as client:
        rows = issues(client, Filter(project, service, status, text), limit=limit)
    if json:
        _json(rows)
        return
    columns = ("group_id", "status", "service", "count", "users", "last_seen", "title")
    _table(rows, columns, "no issues: nothing has failed, or nothing has arrived yet")


@issues_app.command(name="show")
def show_issue(
    data: Data,
    group_id: Annotated[str, typer.Argument(help="16 hex digits, as `list` shows them.")],
    project: Project = "default",
    json: Json = False,
) -> None:
    """Show one issue, why its events are grouped, and its newest event."""
    from pipeline.store.queries.issues import issue

    with _store(data) as client:
        found = issue(client, group_id, project=project)
    if found is None:
        complain(f"no issue {group_id} in project {project}")
        raise typer.Exit(1)
    if json:
        _json(found)
        return
    for name, value in found.items():
        if name not in {"events", "decisions"}:
            print(f"{name:14} {_cell(value)}")
    for decision in found["decisions"]:
        print(f"grouped        {decision['how']} {decision['canonical_key']}")
    for event in found["events"][:1]:
        place = f"events.raw {event['raw_partition']}:{event['raw_offset']}"
        print(f"newest event   {event['event_id']} from {place}\n\n{event['stack']}")


@alerts_app.command(name="list")
def list_alerts(
    data: Data,
    project: Project = "default",
    state: Annotated[str, typer.Option("--state", help="pending, firing, resolved …")] = "",
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List episodes of alerts, the newest first.

    Example: `tocsin alerts list --state firing`
    """
    from pipeline.store.queries.alerts import alerts

    with _store(data) as client:
        found = alerts(client, project=project, state=state, limit=limit)
    if json:
        _json(found)
        return
    columns = ("state", "severity", "rule", "service", "environment", "started_at", "resolved_at")
    _table(found["alerts"], (*columns, "value", "threshold"), "no alerts")


@dead_letters_app.command(name="list")
def list_dead_letters(
    data: Data,
    stage: Annotated[str, typer.Option("--stage", help="Only of this stage.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Only with this reason.")] = "",
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List dead letters, the newest first: where each came from and why it is there."""
    from pipeline.store.queries.dead_letters import dead_letters

    with _store(data) as client:
        rows = dead_letters(client, stage=stage, reason=reason, limit=limit)
    if json:
        _json(rows)
        return
    for row in rows:
        row["place"] = f"{row['dead_partition']}:{row['dead_offset']}"
        row["source"] = f"{row['src_topic']}:{row['src_partition']}:{row['src_offset']}"
    columns = ("place", "failed_at", "stage", "reason", "source", "error")
    _table(rows, columns, "no dead letters")


@dead_letters_app.command(name="show")
def show_dead_letter(data: Data, place: Place, json: Json = False) -> None:
    """Show one dead letter from the topic, its bytes included.

    Example: `tocsin dead-letters show 2:17`
    """
    from pipeline.io.broker import BrokerError
    from pipeline.io.kafka import KafkaBroker
    from pipeline.model.dead_letter import TOPIC
    from pipeline.model.stage import Source

    partition, _, offset = place.partition(":")
    if not (partition.isdigit() and offset.isdigit()):
        complain(f"{place!r} is no place: write PARTITION:OFFSET, as `list` shows it")
        raise typer.Exit(2)
    kafka = reachable(data).kafka
    source, at = Source(TOPIC, int(partition)), int(offset)
    try:
        broker = KafkaBroker(kafka.bootstrap_servers, kafka.client)
        if source.partition >= broker.partitions(TOPIC):
            records = []
        else:
            records = list(broker.read([source], {source: at}, {source: at + 1}))
    except BrokerError as error:
        complain(f"Kafka: {error}; is `tocsin up` running?")
        raise typer.Exit(1) from error
    if not records or records[0].offset != at:
        complain(f"no dead letter at {place}")
        raise typer.Exit(1)
    headers = {name: value.decode(errors="replace") for name, value in records[0].headers}
    body = (records[0].value or b"").decode("utf-8", errors="backslashreplace")
    if json:
        _json({"headers": headers, "value": body})
        return
    for name, value in headers.items():
        print(f"{name:14} {value}")
    print(f"\n{body}")


def register(app: typer.Typer) -> None:
    """Add the groups."""
    for group in (issues_app, alerts_app, dead_letters_app):
        app.add_typer(group)
