"""``tocsin topics`` against a real broker, as a person runs it."""

import os
import subprocess
import sys

import orjson

from pipeline.io.admin import read_topics


def tocsin(bootstrap: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    environment = {**os.environ, "TOCSIN_KAFKA__BOOTSTRAP_SERVERS": bootstrap}
    command = [sys.executable, "-m", "pipeline", "topics", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_topics_are_created_and_listed(kafka: str) -> None:
    """2.1 After create every described topic is listed as wanted, and create again makes none."""
    tocsin(kafka, "create")
    again = tocsin(kafka, "create")
    listed = tocsin(kafka, "list", "--json")

    rows = orjson.loads(listed.stdout)
    assert again.stdout.endswith("0 topics made\n")
    assert {row["name"] for row in rows} == {topic.name for topic in read_topics()}


def test_without_a_broker_one_sentence_says_so() -> None:
    """No broker: exit code 2 and a sentence with the address and the setting."""
    done = tocsin("127.0.0.1:9", "list")

    assert done.returncode == 2
    assert "127.0.0.1:9" in done.stderr
    assert "TOCSIN_KAFKA__BOOTSTRAP_SERVERS" in done.stderr
