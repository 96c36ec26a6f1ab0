"""``tocsin alerts`` and ``dead-letters``: what the pipeline knows, in the terminal."""

from typing import Annotated

import typer

from pipeline.cli.options import Data, Json, complain, reachable
from pipeline.cli.printing import Limit, Project, print_json, print_table, store

alerts_app = typer.Typer(name="alerts", help="What fires.", no_args_is_help=True)
dead_letters_app = typer.Typer(
    name="dead-letters", help="What could not be read, and why.", no_args_is_help=True
)

Place = Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="As `list` shows it.")]


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

    with store(data) as client:
        found = alerts(client, project=project, state=state, limit=limit)
    if json:
        print_json(found)
        return
    columns = ("state", "severity", "rule", "service", "environment", "started_at", "resolved_at")
    print_table(found["alerts"], (*columns, "value", "threshold"), "no alerts")


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

    with store(data) as client:
        rows = dead_letters(client, stage=stage, reason=reason, limit=limit)
    if json:
        print_json(rows)
        return
    for row in rows:
        row["place"] = f"{row['dead_partition']}:{row['dead_offset']}"
        row["source"] = f"{row['src_topic']}:{row['src_partition']}:{row['src_offset']}"
    columns = ("place", "failed_at", "stage", "reason", "source", "error")
    print_table(rows, columns, "no dead letters")


@dead_letters_app.command(name="show")
def show_dead_letter(data: Data, place: Place, json: Json = False) -> None:
    """Show one dead letter from the topic; its bytes, too, if the key that sealed them is set.

    Example: `tocsin dead-letters show 2:17`
    """
    from pipeline.io.broker import BrokerError
    from pipeline.io.kafka import KafkaBroker
    from pipeline.io.seal import SealError, seal_of
    from pipeline.model.dead_letter import TOPIC
    from pipeline.model.stage import Source

    partition, _, offset = place.removeprefix(f"{TOPIC}:").partition(":")
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
    letter, body, problem = records[0], None, ""
    headers = letter.headers
    try:
        original = seal_of(kafka).open(letter.value, letter.headers)
        headers = (*(pair for pair in headers if pair not in original.headers), *original.headers)
        body = (original.value or b"").decode("utf-8", errors="backslashreplace")
    except SealError as error:
        problem = str(error)
    facts = {name: value.decode(errors="replace") for name, value in headers}
    if json:
        print_json({"headers": facts, "value": body, "problem": problem})
    else:
        for name, value in facts.items():
            print(f"{name:14} {value}")
        if body is not None:
            print(f"\n{body}")
    if problem:
        complain(problem)
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the groups."""
    for group in (alerts_app, dead_letters_app):
        app.add_typer(group)
