"""Options that several commands share."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

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
    """Turn what stops a command into one sentence and exit code 2."""
    from pydantic import ValidationError

    from pipeline.local.refused import Refused

    try:
        yield
    except Refused as refused:
        complain(str(refused))
        raise typer.Exit(2) from refused
    except ValidationError as invalid:
        for error in invalid.errors(include_input=False, include_url=False):
            where = ".".join(str(part) for part in error["loc"])
            complain(f"setting {where}: {error['msg']}")
        raise typer.Exit(2) from invalid
