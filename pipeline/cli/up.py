"""``tocsin up``, ``down`` and ``status``: the pipeline on this machine."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import Data, Json, check_files, complain, settings, usage_errors

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pipeline.local.state import Endpoints
    from pipeline.local.status import Row, Status
    from pipeline.local.up import Options

STEP_S = 0.2
STOP_S = 20.0
MAX_PORT = 65_535

KafkaPort = Annotated[
    int, typer.Option("--kafka-port", min=0, max=MAX_PORT, help="0 takes a free one.")
]
StorePort = Annotated[
    int, typer.Option("--clickhouse-port", min=0, max=MAX_PORT, help="0 takes a free one.")
]
GatewayPort = Annotated[
    int | None,
    typer.Option(
        "--gateway-port",
        min=0,
        max=MAX_PORT,
        help="0 takes a free one.",
        show_default="setting gateway.port",
    ),
]
ApiPort = Annotated[
    int | None,
    typer.Option(
        "--api-port",
        min=0,
        max=MAX_PORT,
        help="0 takes a free one.",
        show_default="setting api.port",
    ),
]
Brokers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        help="Use this Kafka, not the embedded one; '' is the embedded one.",
        show_default="setting kafka.bootstrap_servers, if it is set",
    ),
]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--clickhouse-url",
        help="Use this ClickHouse, not the embedded one; '' is the embedded one.",
        show_default="setting clickhouse.url, if it is set",
    ),
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")]


def up(
    data: Data,
    kafka_port: KafkaPort = 9092,
    clickhouse_port: StorePort = 8123,
    gateway_port: GatewayPort = None,
    api_port: ApiPort = None,
    bootstrap_servers: Brokers = None,
    clickhouse_url: StoreUrl = None,
    detach: Detach = False,
) -> None:
    """Run Kafka, ClickHouse and every stage on this machine until Ctrl-C.

    In the foreground the others go on when a stage cannot start;
    `--detach` gives up then, and ends everything.

    Examples: `tocsin up`, `tocsin up --detach --data ./data`,
    `tocsin up --bootstrap-servers kafka:9092 --clickhouse-url http://clickhouse:8123`
    """
    from pipeline.local.up import Options

    with usage_errors():
        config = settings()
        check_files(config)
        options = Options(
            data.absolute(),
            kafka_port,
            clickhouse_port,
            config.gateway.port if gateway_port is None else gateway_port,
            config.api.port if api_port is None else api_port,
            _given(bootstrap_servers, config.kafka, "bootstrap_servers"),
            _given(clickhouse_url, config.clickhouse, "url"),
        )
        if detach:
            _detach(options)
        else:
            _foreground(options)


def _given(asked: str | None, part: "BaseModel", name: str) -> str:
    """Return an address the user brings: the option, else the setting if anybody set it."""
    if asked is not None:
        return asked
    return str(getattr(part, name)) if name in part.model_fields_set else ""


def _detach(options: "Options") -> None:
    """Start in the background and say where to connect."""
    from pipeline.local.detach import detach
    from pipeline.local.jars import class_path
    from pipeline.local.show import Screen
    from pipeline.local.state import locked

    # Refused here if somebody else has the folder; fetched here, where there is a terminal.
    with locked(options.data), Screen() as screen:
        if not options.bootstrap_servers:
            class_path(os.environ, screen.progress)
    arguments = ["--data", str(options.data)]
    for name in ("kafka_port", "clickhouse_port", "gateway_port", "api_port"):
        arguments += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    for name in ("bootstrap_servers", "clickhouse_url"):
        arguments += [f"--{name.replace('_', '-')}", getattr(options, name)]
    running = detach(arguments, options.data)
    print(f"running: {len(running.processes)} processes, data in {options.data}")
    for line in _where(running.endpoints):
        print(line)


def _where(ends: "Endpoints") -> tuple[str, ...]:
    """Return where to connect, for people."""
    return (
        f"Kafka {ends.bootstrap_servers}  ClickHouse {ends.clickhouse_url}",
        f"gateway {ends.gateway_url}  API {ends.api_url}",
        f"Sentry DSN {ends.sentry_dsn}",
    )


def _foreground(options: "Options") -> None:
    """Run until a signal comes; a stage that fails is told, and the others go on."""
    from pipeline.local.show import Screen, Stopped, ignore_signals, stop_on_signals, table
    from pipeline.local.state import locked
    from pipeline.local.up import Machine

    machine = None
    with Screen() as screen:
        try:
            with stop_on_signals(), locked(options.data):
                try:
                    machine = Machine(options, screen.tell, screen.progress)
                    machine.start(all_or_nothing=False)
                    for line in _where(machine.endpoints):
                        screen.tell(line)
                    while True:
                        machine.step()
                        screen.draw(table(machine))
                finally:
                    ignore_signals()
                    screen.close()
                    if machine is not None:
                        machine.stop()
        except Stopped:
            screen.tell("ended")


def down(data: Data) -> None:
    """Stop what `tocsin up` started in this data folder, and nothing else."""
    import signal
    import time

    from pipeline.local import state

    running = state.read(data)
    if running is None or not state.is_alive(running.pid, running.started_at):
        ended = state.end_leftovers(running.processes) if running else 0
        print(f"stopped {ended} left over" if ended else f"nothing runs in {data}")
        return
    os.kill(running.pid, signal.SIGTERM)
    end = time.monotonic() + STOP_S
    while state.is_alive(running.pid, running.started_at):
        if time.monotonic() > end:
            complain(f"process {running.pid} did not end within {STOP_S:.0f} s")
            raise typer.Exit(1)
        time.sleep(STEP_S)
    print("stopped")


Get = Annotated[str, typer.Option("--get", help="Print one endpoint alone, as `sentry_dsn`.")]


def status(data: Data, json: Json = False, get: Get = "") -> None:
    """Show every process and where to connect; exit code 1 if nothing runs."""
    import msgspec

    from pipeline.local.status import look

    found = look(data)
    if found is None:
        complain(f"nothing runs in {data}; start it with `tocsin up`")
        raise typer.Exit(1)
    if get:
        value = getattr(found.endpoints, get, None)
        if value is None:
            complain(f"no endpoint {get}; there are {', '.join(found.endpoints.__struct_fields__)}")
            raise typer.Exit(2)
        print(value)
    elif json:
        print(msgspec.json.encode(found).decode())
    else:
        _print(found)


def _print(found: "Status") -> None:
    """Print the status as tables."""
    import msgspec
    from rich.console import Console
    from rich.table import Table

    phase = ", failed: ".join(filter(None, (found.phase, ", ".join(found.failed))))
    table = Table(title=f"tocsin: {phase}", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name in ("stage", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("pid", "restarts", "uptime", "memory", "lag", "ready", "metrics"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found.processes:
        table.add_row(*_cells(row))
    console = Console()
    console.print(table)
    for name, value in msgspec.structs.asdict(found.endpoints).items():
        console.print(f"{name:18} {value}", highlight=False, soft_wrap=True)


def _cells(row: "Row") -> tuple[str, ...]:
    """Return a row of the table."""
    return (
        f"{row.stage}-{row.instance}",
        row.state,
        str(row.pid or "-"),
        str(row.restarts),
        "-" if row.uptime is None else f"{row.uptime:.0f} s",
        "-" if row.memory is None else f"{row.memory / 2**20:.0f} MB",
        "-" if row.lag is None else str(row.lag),
        "yes" if row.ready else "no",
        str(row.metrics_port or "-"),
    )


def register(app: typer.Typer) -> None:
    """Add the three commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
