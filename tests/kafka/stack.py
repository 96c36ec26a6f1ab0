"""The whole stack as a user starts it: ``tocsin up --detach`` on free ports in a fresh folder."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

TOCSIN = (sys.executable, "-m", "pipeline")
FREE = ("--kafka-port", "0", "--clickhouse-port", "0", "--gateway-port", "0", "--api-port", "0")
QUICK = {"TOCSIN_AGGREGATE__WINDOW_S": "10", "TOCSIN_AGGREGATE__GRACE_S": "5"}
POLL_S = 0.25
T = TypeVar("T")


def wait_until(look: Callable[[], T], *, within_s: float, what: str) -> T:
    """Return the first true value of ``look``; fails with a sentence when the time is over."""
    end = time.monotonic() + within_s
    while not (value := look()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s:.0f} s: {what}; last seen: {value!r}")
        time.sleep(POLL_S)
    return value


class Stack:
    """One running stack."""

    def __init__(self, data: Path, environment: Mapping[str, str] = QUICK) -> None:
        self.data = data
        self._environment = {**os.environ, **environment}

    def tocsin(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one command line to its end."""
        done = subprocess.run(
            [*TOCSIN, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def up(self) -> None:
        """Start it, ready when this returns."""
        self.tocsin("up", "--detach", "--data", str(self.data), *FREE)

    def down(self) -> None:
        """End it."""
        self.tocsin("down", "--data", str(self.data))

    def status(self) -> dict[str, Any]:
        """Return what ``tocsin status --json`` tells."""
        answer: dict[str, Any] = json.loads(
            self.tocsin("status", "--json", "--data", str(self.data)).stdout
        )
        return answer

    def pid(self, stage: str) -> int:
        """Return the process id of a stage's first instance."""
        return int(next(row["pid"] for row in self.status()["processes"] if row["stage"] == stage))

    def is_ready(self) -> bool:
        """Whether every process runs and says so; what does not is printed, for who looks why."""
        late = [row for row in self.status()["processes"] if not row["ready"]]
        for row in late:
            print(f"{time.monotonic():.1f} {row['stage']} is {row['state']}, pid {row['pid']}")
        return not late

    @property
    def endpoints(self) -> dict[str, str]:
        """Where to connect."""
        found: dict[str, str] = self.status()["endpoints"]
        return found

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query, asked over HTTP as an analyst would."""
        url = self.endpoints["clickhouse_url"]
        answer = httpx.post(url, content=f"{query} FORMAT JSONEachRow", timeout=60)
        answer.raise_for_status()
        return [json.loads(line) for line in answer.text.splitlines()]
