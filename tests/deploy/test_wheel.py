"""The wheel: built, installed where nothing else is, started."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.kafka.stack import FREE, wait_until

ROOT = Path(__file__).resolve().parents[2]


def _run(*command: str | Path, **environment: str) -> str:
    """Run a command to its end and return what it printed; its own words if it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        env={**kept, **environment},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
    return next(folder.glob("tocsin-*.whl"))


def test_the_wheel_carries_contracts_and_configuration(wheel: Path) -> None:
    """Schemas, DDL, shipped rules and the jars' lock are inside."""
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {
        "pipeline/_schemas/topics/events.raw.toml",
        "pipeline/_schemas/clickhouse/0001_events.sql",
        "pipeline/_deploy/config/rules.yaml",
        "pipeline/_deploy/kafka/jars.lock.toml",
        "pipeline/py.typed",
    } <= names
    assert not any(name.startswith("tests/") for name in names)


def test_the_base_install_is_light(wheel: Path, tmp_path: Path) -> None:
    """2.1 Without extras there is no server dependency; `tocsin up` says so in one line."""
    _run(sys.executable, "-m", "venv", tmp_path)
    _run(tmp_path / "bin" / "pip", "install", "-q", wheel)
    listed = _run(tmp_path / "bin" / "pip", "list", "--format", "json")
    found = {row["name"] for row in json.loads(listed)}
    done = subprocess.run(
        [tmp_path / "bin" / "tocsin", "up"], capture_output=True, text=True, check=False
    )

    assert not found & {"faust-streaming", "chdb-core", "clickhouse-connect", "pydantic", "typer"}
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "tocsin[server]" in done.stderr


def test_the_installed_wheel_runs_the_pipeline(wheel: Path, tmp_path: Path) -> None:
    """C2 Installed from the wheel alone, an event travels from Kafka to ClickHouse."""
    _run(sys.executable, "-m", "venv", tmp_path / "venv")
    _run(tmp_path / "venv" / "bin" / "pip", "install", "-q", f"{wheel}[server]")
    tocsin, data = tmp_path / "venv" / "bin" / "tocsin", str(tmp_path / "data")
    _run(tocsin, "up", "--detach", "--data", data, *FREE)
    try:
        key = _run(tocsin, "status", "--data", data, "--get", "ingest_key").strip()
        url = _run(tocsin, "status", "--data", data, "--get", "gateway_url").strip()
        event = '{"service": "shop", "message": "boom from a wheel"}'
        _run("curl", "-sf", f"{url}/ingest/json", "-H", f"Authorization: Bearer {key}", "-d", event)
        wait_until(
            lambda: "boom" in _run(tocsin, "issues", "list", "--data", data, "--json"),
            within_s=30,
            what="the event's issue",
        )
    finally:
        _run(tocsin, "down", "--data", data)
