"""What ``tocsin status`` tells: every process as it is now, and where to connect."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psutil

from pipeline.local import state
from pipeline.local.ask import answers, fetch, metric_sum
from pipeline.local.ports import HOST


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One process; ``memory`` in bytes, ``uptime`` in seconds, ``lag`` in records.

    None where it has no such number.
    """

    stage: str
    instance: int
    pid: int
    state: str
    restarts: int
    uptime: float | None
    memory: int | None
    lag: int | None
    ready: bool
    metrics_port: int | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer; ``failed`` names the processes that are not started again."""

    phase: str
    failed: list[str]
    data: str
    processes: list[Row]
    endpoints: state.Endpoints


def _row(process: state.Process) -> Row:
    """Ask one process how it is."""
    alive = process.pid > 0 and state.is_alive(process.pid, process.started_at)
    port = process.metrics_port
    ready = alive and process.state == "running"
    lag = None
    if alive and port:
        ready = answers(f"http://{HOST}:{port}/readyz")
        exposed = fetch(f"http://{HOST}:{port}/metrics")
        lag = metric_sum(exposed, "tocsin_lag_records") if exposed else None
    return Row(
        stage=process.stage,
        instance=process.instance,
        pid=process.pid if alive else 0,
        state=process.state if alive or process.state in {"failed", "waiting"} else "stopped",
        restarts=process.restarts,
        uptime=round(time.time() - process.started_at, 1) if alive else None,
        memory=_memory(process.pid) if alive else None,
        lag=None if lag is None else int(lag),
        ready=ready,
        metrics_port=port or None,
    )


def _memory(pid: int) -> int | None:
    """Return the resident memory of a process that may just have ended."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def look(data: Path) -> Status | None:
    """Return the status of what runs in a data folder, None if nothing does."""
    running = state.read(data)
    if running is None or not state.is_alive(running.pid, running.started_at):
        return None
    with ThreadPoolExecutor() as pool:  # a process that hangs holds up nobody else's answer
        rows = list(pool.map(_row, running.processes))
    return Status(
        phase=running.phase,
        failed=[f"{row.stage}-{row.instance}" for row in rows if row.state == "failed"],
        data=str(data),
        processes=rows,
        endpoints=running.endpoints,
    )
