"""The command line: one file per command group."""

import sys


def main() -> None:
    """Run ``tocsin``; without the server's packages it says so in one line, exit code 2."""
    try:
        from pipeline.cli.app import app
    except ModuleNotFoundError as missing:
        print(
            f"tocsin: {missing.name} is not installed: pip install 'tocsin[server]'",
            file=sys.stderr,
        )
        sys.exit(2)
    app()
