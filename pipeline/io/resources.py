"""Where the files are that ship beside the code: in a wheel inside the package, else next to it."""

from importlib.resources import files
from pathlib import Path


def _folder(name: str) -> Path:
    """Return a shipped folder."""
    package = Path(str(files("pipeline")))
    shipped = package / f"_{name}"
    return shipped if shipped.is_dir() else package.parent / name


def schemas() -> Path:
    """Return the folder of the contracts: topics/, messages/, examples/, clickhouse/."""
    return _folder("schemas")


def deploy() -> Path:
    """Return the folder of shipped configuration: config/, kafka/."""
    return _folder("deploy")
