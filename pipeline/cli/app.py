"""The command ``tocsin``: its groups are named here and nowhere else."""

import typer

from pipeline.cli import analyze, config, demo, issues, migrate, reading, run, store, topics, up

app = typer.Typer(
    name="tocsin",
    help="Kafka-native error tracking: group errors, measure services, raise alerts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def tocsin() -> None:
    """Kafka-native error tracking: group errors, measure services, raise alerts."""


issues.register(app)
reading.register(app)
analyze.register(app)
app.add_typer(topics.app)
demo.register(app)
up.register(app)
migrate.register(app)
run.register(app)
store.register(app)
app.add_typer(config.app)
