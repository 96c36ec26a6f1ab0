"""``tocsin store``: the embedded ClickHouse engine behind its HTTP interface."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import usage_errors

Folder = Annotated[Path, typer.Option("--data", help="The folder of the tables.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")]
Host = Annotated[str, typer.Option("--host", help="Off loopback both passwords must be set.")]


def store(data: Folder, port: Port = 8123, host: Host = "127.0.0.1") -> None:
    """Serve the tables in a folder until SIGTERM.

    Users: `default` writes, `analyst` only reads; TOCSIN_STORE_PASSWORD and
    TOCSIN_STORE_ANALYST_PASSWORD are their passwords.

    Examples: `tocsin store --data ./clickhouse`, `tocsin store --data ./clickhouse --port 8124`
    """
    import signal
    import threading

    from pipeline.local.state import locked
    from pipeline.store.engine import Engine, EngineError
    from pipeline.store.server import Server, Users, serve

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    users = Users(
        os.environ.get("TOCSIN_STORE_PASSWORD", ""),
        os.environ.get("TOCSIN_STORE_ANALYST_PASSWORD", ""),
    )
    with usage_errors():
        from pipeline.local.refused import Refused

        if not host.startswith("127.") and host != "localhost" and not all(users):
            raise Refused(f"{host} is not loopback: set TOCSIN_STORE_PASSWORD and …ANALYST…")
        with locked(data.absolute()):
            try:
                server = Server(host, port, Engine(data.absolute() / "tables"), users)
            except EngineError as error:
                raise Refused(f"{data} cannot be opened: {error}") from error
            except OSError as error:
                raise Refused(f"port {port} cannot be served: {error.strerror}") from error
            print(f"serving {data} at http://{host}:{server.server_port}", flush=True)
            serve(server, stop)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(store)
