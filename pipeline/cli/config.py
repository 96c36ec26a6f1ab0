"""``tocsin config``: check the settings, and show them with secrets masked."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.options import Json, check_files, settings, usage_errors

app = typer.Typer(name="config", help="Check and show the settings.", no_args_is_help=True)
File = Annotated[
    Path | None, typer.Argument(help="A TOML file; without it, what TOCSIN_CONFIG names.")
]
MASK = "***"
# Fields whose values are secrets although their type has to be plain: a mapping's keys, a client's
# passwords.
SECRET = frozenset({"keys", "client"})
_USER = re.compile(r"(//)[^/@\s]+@")


@app.command()
def check(file: File = None) -> None:
    """Read every setting, the rules and the channels; exit code 2 names each that is wrong.

    Examples: `tocsin config check`, `tocsin config check tocsin.toml`
    """
    with usage_errors():
        if file is not None:
            os.environ["TOCSIN_CONFIG"] = str(file)
        check_files(settings())
    print("the settings are valid")


@app.command()
def show(json: Json = False) -> None:
    """Print every setting as it is in force, secrets masked."""
    import orjson

    with usage_errors():
        found = masked(settings().model_dump(mode="json"))
    if json:
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    for section, values in found.items():
        print(f"[{section}]")
        for name, value in values.items():
            print(f"{name} = {orjson.dumps(value).decode()}")
        print()


def masked(found: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without secrets: keys, passwords, whatever a client is given."""
    return {
        section: {name: _masked(name, value) for name, value in values.items()}
        for section, values in found.items()
    }


def _masked(name: str, value: Any) -> Any:
    """Return one setting without its secret; an address keeps all but its user and password."""
    if value and (name in SECRET or "password" in name):
        return MASK
    return _USER.sub(rf"\1{MASK}@", value) if isinstance(value, str) else value
