"""The README's five ways to publish and read back, run as they are written."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.stack import Stack, wait_until

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"\*\*(?P<title>[^*]+)\*\*\n\n```(?P<language>\w+)\n(?P<code>.*?)```", re.DOTALL)
BLOCKS = {match["title"]: match for match in BLOCK.finditer(README)}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run the stack that the README's second section starts."""
    running = Stack(tmp_path_factory.mktemp("readme"))
    running.up()
    try:
        yield running
    finally:
        running.down()


def _run(stack: Stack, title: str) -> str:
    """Run one block of the README against the stack's ports and return what it printed."""
    ends = stack.endpoints
    code = BLOCKS[title]["code"]
    places = {
        "127.0.0.1:9092": ends["bootstrap_servers"],
        "http://127.0.0.1:8600": ends["gateway_url"],
        "http://127.0.0.1:8123": ends["clickhouse_url"],
        ".venv/bin/tocsin": str(Path(sys.executable).with_name("tocsin")),
    }
    for written, real in places.items():
        code = code.replace(written, real)
    if BLOCKS[title]["language"] == "python":
        command = [sys.executable, "-c", code]
    else:
        command = [shutil.which("bash") or "bash", "-ec", code]
    done = subprocess.run(
        command,
        env={**os.environ, "TOCSIN_DATA": str(stack.data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("title", "service", "message"),
    [
        ("Any Kafka client", "shop", "boom"),
        ("curl", "shop", "payment 17 timed out after 1532 ms"),
        ("Any Sentry SDK", "", "'cart'"),
        ("A JSON logger's line", "search", "index is away"),
    ],
)
def test_each_way_to_publish_arrives(stack: Stack, title: str, service: str, message: str) -> None:
    """O2 An event published as the README says is a row with its service and message."""
    _run(stack, title)
    query = f"SELECT service FROM tocsin.events WHERE position(message, $${message}$$) > 0"
    rows = wait_until(lambda: stack.sql(query), within_s=30, what=f"{title} in tocsin.events")

    assert service in {"", rows[0]["service"]}
    assert len(rows) == 1


def test_the_sql_reads_it_back(stack: Stack) -> None:
    """N1 The README's query shows the issue of an event that any Kafka client published."""
    _run(stack, "Any Kafka client")

    assert wait_until(
        lambda: "boom" in _run(stack, "And the SQL that reads it back"),
        within_s=30,
        what="boom among the issues",
    )
