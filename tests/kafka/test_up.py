"""`tocsin up` as people use it: the whole stack, ended in every way, and up again."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.kafka.stack import Stack, wait_until


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Give a running stack; what is left of it ends with the test."""
    made = Stack(tmp_path)
    made.up()
    yield made
    made.down()


def send(stack: Stack, message: str) -> None:
    """Publish one event with the key of the DSN; it is in Kafka when this returns."""
    key = stack.endpoints["sentry_dsn"].partition("//")[2].partition("@")[0]
    answer = httpx.post(
        f"{stack.endpoints['gateway_url']}/ingest/json",
        json={"service": "shop", "message": message},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200, answer.text


def stored(stack: Stack) -> set[str]:
    """Return the messages that ClickHouse holds."""
    return {row["message"] for row in stack.sql("SELECT message FROM tocsin.events")}


def test_the_status_tells_all(stack: Stack) -> None:
    """Every stage is a process of its own that is ready, has memory, and restarted never."""
    processes = stack.status()["processes"]
    stages = {row["stage"] for row in processes}

    assert stages == {
        *("kafka", "store", "gateway", "process", "group", "aggregate", "detect", "alert"),
        *("notify", "sink", "api"),
    }
    assert len({row["pid"] for row in processes}) == len(processes)
    assert all(row["ready"] and row["state"] == "running" for row in processes)
    assert all(row["memory"] > 2**20 and row["restarts"] == 0 for row in processes)


def test_a_killed_stage_comes_back(stack: Stack) -> None:
    """Kill -9 of a stage is a restart in the status, and events still arrive."""
    before = stack.pid("process")
    os.kill(before, signal.SIGKILL)
    wait_until(
        lambda: stack.pid("process") not in {0, before} and stack.is_ready(),
        within_s=60,
        what="the stage is back",
    )

    send(stack, "after the kill")

    wait_until(
        lambda: "after the kill" in stored(stack), within_s=60, what="the event is in ClickHouse"
    )
    assert [r["restarts"] for r in stack.status()["processes"] if r["stage"] == "process"] == [1]


def test_it_goes_on_where_it_was(stack: Stack) -> None:
    """`down` takes less than ten seconds; `up` again has the events, the key and the topics."""
    send(stack, "before")
    wait_until(lambda: "before" in stored(stack), within_s=60, what="the event is in ClickHouse")
    key = stack.endpoints["ingest_key"]
    began = time.monotonic()
    stack.down()
    took_s = time.monotonic() - began

    stack.up()
    send(stack, "after")

    wait_until(
        lambda: stored(stack) == {"before", "after"}, within_s=60, what="both are in ClickHouse"
    )
    assert took_s < 10
    assert stack.endpoints["ingest_key"] == key


def test_a_killed_supervisor_leaves_nothing_in_the_way(stack: Stack) -> None:
    """Kill -9 of the supervisor ends all of its processes, and the next `up` just starts."""
    state = stack.status()
    children = [psutil.Process(row["pid"]) for row in state["processes"]]
    supervisor = children[0].parent()
    assert supervisor is not None
    supervisor.kill()

    stack.up()

    assert not any(child.is_running() for child in children)
    assert stack.is_ready()
