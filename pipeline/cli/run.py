"""``tocsin run``: one stage in this process, as `tocsin up` and a cluster run it."""

from typing import Annotated

import typer

from pipeline.cli.options import complain, settings, usage_errors

Name = Annotated[str, typer.Argument(metavar="STAGE", help="A stage of `pipeline/topology.py`.")]
Instance = Annotated[int, typer.Option("--instance", min=0, help="The ordinal of this worker.")]
MetricsPort = Annotated[
    int,
    typer.Option(
        "--metrics-port",
        min=0,
        max=65_535,
        help="/metrics, /healthz, /readyz; 0 takes a free one.",
    ),
]


def run(stage: Name, instance: Instance = 0, metrics_port: MetricsPort = 0) -> None:
    """Run one stage until SIGTERM.

    Examples: `tocsin run process`, `tocsin run sink --instance 1 --metrics-port 9101`
    """
    from pipeline.local.run import run_stage
    from pipeline.topology import BY_NAME

    if stage not in BY_NAME:
        complain(f"no stage {stage!r}; there are {', '.join(BY_NAME)}")
        raise typer.Exit(2)
    with usage_errors():
        raise typer.Exit(run_stage(stage, settings(), instance, metrics_port))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)
