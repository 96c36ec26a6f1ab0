"""What a running ``tocsin up`` leaves in its data folder: a lock, and a state file for others."""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

from pipeline.local.refused import Refused

# Two processes may differ by a second in what they think the machine's start was.
CREATED_WITHIN_S = 3.0


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised process; ``started_at`` is its create time in epoch seconds."""

    stage: str
    instance: int
    pid: int
    started_at: float
    state: str
    restarts: int
    metrics_port: int
    log: str


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where to connect; ``sentry_dsn`` holds a working key, ``ingest_key`` is that key."""

    bootstrap_servers: str
    clickhouse_url: str
    gateway_url: str
    api_url: str
    ingest_key: str
    sentry_dsn: str


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The supervisor and what it runs; ``problem`` says why a start was given up."""

    pid: int
    started_at: float
    phase: str
    endpoints: Endpoints
    processes: list[Process]
    problem: str = ""


def state_path(data: Path) -> Path:
    """Return the state file of a data folder."""
    return data / "up.json"


def dead_letter_key_path(data: Path) -> Path:
    """Return the file of the key that seals a data folder's dead letters."""
    return data / "dead-letters.key"


def write(data: Path, running: Running) -> None:
    """Replace the state file at once: a reader never sees half of it."""
    scratch = data / f"up.json.{os.getpid()}"
    scratch.write_bytes(msgspec.json.encode(running))
    scratch.chmod(0o600)
    scratch.replace(state_path(data))


def read(data: Path) -> Running | None:
    """Return the state, None if nothing was started here or the file is not readable as one."""
    try:
        return msgspec.json.decode(state_path(data).read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def is_alive(pid: int, started_at: float) -> bool:
    """Whether this very process runs: a process id alone may have been given away."""
    try:
        process = psutil.Process(pid)
        return (
            abs(process.create_time() - started_at) < CREATED_WITHIN_S
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.Error:
        return False


def end_leftovers(processes: Iterable[Process], within_s: float = 5.0) -> int:
    """End what an earlier supervisor started and could not end, nothing else; return how many."""
    alive: list[psutil.Process] = []
    for process in processes:
        if process.pid and is_alive(process.pid, process.started_at):
            with suppress(psutil.NoSuchProcess):
                alive.append(psutil.Process(process.pid))
    for found in alive:
        with suppress(psutil.NoSuchProcess):
            found.terminate()
    _, stubborn = psutil.wait_procs(alive, timeout=within_s)
    for found in stubborn:
        with suppress(psutil.NoSuchProcess):
            found.kill()
    psutil.wait_procs(stubborn, timeout=within_s)
    return len(alive)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Own the data folder and end what its last owner left running.

    Raises Refused if the folder cannot be written or is in use.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise Refused(f"cannot write {data}: {error.strerror}; choose another --data") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refused(
                f"{data} is in use by another tocsin; stop it with `tocsin down --data {data}`,"
                " or choose another --data"
            ) from error
        if (earlier := read(data)) is not None:
            end_leftovers(earlier.processes)
        yield
