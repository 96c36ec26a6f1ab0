"""``tocsin config``: check the settings, and show them with secrets masked."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.options import Json, usage_errors

app = typer.Typer(name="config", help="Check and show the settings.", no_args_is_help=True)
File = Annotated[
    Path | None, typer.Argument(help="A TOML file; without it, what TOCSIN_CONFIG names.")
]
MASK = "***"
# Fields whose values are secrets although their type has to be plain: a mapping's keys, a client's
# passwords.
SECRET = frozenset({"keys", "client"})


@app.command()
def check(file: File = None) -> None:
    """Read every setting; exit code 2 names each that is wrong.

    Examples: `tocsin config check`, `tocsin config check tocsin.toml`
    """
    from pipeline.config import load, unknown_variables
    from pipeline.local.refused import Refused

    with usage_errors():
        if file is not None:
            if not file.is_file():
                raise Refused(f"no file {file}")
            os.environ["TOCSIN_CONFIG"] = str(file)
        load()
        if unknown := unknown_variables(os.environ):
            raise Refused(f"{', '.join(unknown)}: no such setting; see `tocsin config show`")
    print("the settings are valid")


@app.command()
def show(json: Json = False) -> None:
    """Print every setting as it is in force, secrets masked."""
    import orjson

    from pipeline.config import load

    with usage_errors():
        found = masked(load().model_dump(mode="json"))
    if json:
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    for section, values in found.items():
        print(f"[{section}]")
        for name, value in values.items():
            print(f"{name} = {orjson.dumps(value).decode()}")
        print()


def masked(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without secrets: keys, passwords, and whatever a client is given."""
    return {
        section: {
            name: MASK if value and (name in SECRET or "password" in name) else value
            for name, value in values.items()
        }
        for section, values in settings.items()
    }
