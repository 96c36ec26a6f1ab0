"""``tocsin topics``: make the topics, and list what is there."""

import typer

from pipeline.cli.options import Data, Json, complain, reachable

app = typer.Typer(name="topics", help="Make the topics, and list them.", no_args_is_help=True)


@app.command()
def create(data: Data) -> None:
    """Make the topics that do not exist yet; existing ones are left alone."""
    from pipeline.io.admin import Admin, read_topics
    from pipeline.io.broker import Away

    kafka = reachable(data).kafka
    try:
        made = Admin(kafka.bootstrap_servers, kafka.client).create(
            read_topics(),
            many=kafka.partitions,
            replication=kafka.replication,
            min_insync=kafka.min_insync_replicas,
        )
    except Away as raised:
        complain(f"{raised}: is it running, and is TOCSIN_KAFKA__BOOTSTRAP_SERVERS right?")
        raise typer.Exit(2) from raised
    for name in made:
        typer.echo(f"made {name}")
    typer.echo(f"{len(made)} topics made")


@app.command(name="list")
def list_topics(data: Data, json: Json = False) -> None:
    """List the described topics beside what exists; exit code 1 if they differ."""
    from pipeline.io.admin import Admin, read_topics
    from pipeline.io.broker import Away

    kafka = reachable(data).kafka
    try:
        rows = Admin(kafka.bootstrap_servers, kafka.client).list(read_topics(), kafka.partitions)
    except Away as raised:
        complain(f"{raised}: is it running, and is TOCSIN_KAFKA__BOOTSTRAP_SERVERS right?")
        raise typer.Exit(2) from raised
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(rows).decode())
    else:
        for row in rows:
            same = row.partitions == row.wanted
            state = str(row.wanted) if same else _difference(row.partitions, row.wanted)
            typer.echo(f"{row.name:20} {state:>14}  {row.cleanup:15} {row.description}")
    raise typer.Exit(int(any(row.partitions != row.wanted for row in rows)))


def _difference(partitions: int, wanted: int) -> str:
    """Say in two words how a topic differs from its description."""
    return f"{partitions} of {wanted}" if partitions else "missing"
