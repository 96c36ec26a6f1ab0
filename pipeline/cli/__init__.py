"""The command line: one file per command group."""


def main() -> None:
    """Run ``tocsin``."""
    from pipeline.cli.app import app

    app()
