"""Options that several commands share."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer

if TYPE_CHECKING:
    from pipeline.config import Config

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Data = Annotated[
    Path,
    typer.Option(
        "--data",
        envvar="TOCSIN_DATA",
        help="The folder that holds everything.",
        default_factory=lambda: Path(platformdirs.user_data_dir("tocsin")),
        show_default="your data folder",
    ),
]


def complain(sentence: str) -> None:
    """Say what is wrong, on standard error."""
    print(f"tocsin: {sentence}", file=sys.stderr)


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn what stops a command into one sentence each and exit code 2."""
    from pydantic import ValidationError

    from pipeline.config import SettingsError
    from pipeline.local.refused import Refused

    try:
        yield
    except Refused as refused:
        complain(str(refused))
        raise typer.Exit(2) from refused
    except ValidationError as invalid:
        for error in invalid.errors(include_input=False, include_url=False):
            complain(f"{_named(error['loc'])}: {error['msg']}")
        raise typer.Exit(2) from invalid
    except SettingsError as invalid:
        complain(f"{_unparsed(str(invalid))}: a list or a mapping is written as JSON")
        raise typer.Exit(2) from invalid


def _named(loc: tuple[int | str, ...]) -> str:
    """Return where a setting was set: its variable, else its file, and its key."""
    key = ".".join(str(part) for part in loc)
    variable = f"TOCSIN_{'__'.join(str(part) for part in loc).upper()}"
    file = os.environ.get("TOCSIN_CONFIG")
    if variable in os.environ or not file:
        return f"{variable} ({key})" if variable in os.environ else f"setting {key}"
    return f"{file}: {key}"


def _unparsed(text: str) -> str:
    """Return the variables of the part whose value is no JSON: the error names the part alone."""
    part = re.search(r'field "(\w+)"', text)
    prefix = f"TOCSIN_{part[1] if part else ''}".upper()
    return ", ".join(sorted(name for name in os.environ if name.upper().startswith(prefix)))


def settings() -> "Config":
    """Return the settings in force; raises what ``usage_errors`` turns into a sentence.

    A file that is not there and a variable that sets nothing would otherwise go unnoticed.
    """
    import tomllib

    from pipeline.config import load, unknown_variables
    from pipeline.local.refused import Refused

    file = os.environ.get("TOCSIN_CONFIG")
    if file and not Path(file).is_file():
        raise Refused(f"TOCSIN_CONFIG: no file {file}")
    if unknown := unknown_variables(os.environ):
        raise Refused(f"{', '.join(unknown)}: no such setting; see `tocsin config show`")
    try:
        return load()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{file} is no TOML: {error}") from error


def check_files(config: "Config") -> None:
    """Read the rules and the channels that are set; exit code 2 with a sentence per complaint.

    A stage would find them wrong too, but only after Kafka and everything else has started.
    """
    from pipeline.io.rulefile import FileError, load_channels, load_rules
    from pipeline.io.seal import SealError, seal_of

    try:
        seal_of(config.kafka)
        load_rules(config.alert, load_channels(config.notify))
    except SealError as error:
        complain(str(error))
        raise typer.Exit(2) from error
    except FileError as error:
        for complaint in error.complaints:
            complain(complaint)
        raise typer.Exit(2) from error


def reachable(data: Path) -> "Config":
    """Return the settings, with the addresses of what runs in the data folder if anything does.

    An address in the environment or a file is not overridden: it names something else on purpose.
    """
    from pipeline.local import state

    with usage_errors():
        config = settings()
    running = state.read(data)
    if running is None or not state.is_alive(running.pid, running.started_at):
        return config
    updates: dict[str, object] = {}
    kafka: dict[str, object] = {}
    if "bootstrap_servers" not in config.kafka.model_fields_set:
        kafka["bootstrap_servers"] = running.endpoints.bootstrap_servers
    if not config.kafka.has_dead_letter_key():
        kafka["dead_letter_key_file"] = state.dead_letter_key_path(data)
    if kafka:
        updates["kafka"] = config.kafka.model_copy(update=kafka)
    if "url" not in config.clickhouse.model_fields_set:
        url = {"url": running.endpoints.clickhouse_url}
        updates["clickhouse"] = config.clickhouse.model_copy(update=url)
    return config.model_copy(update=updates)
