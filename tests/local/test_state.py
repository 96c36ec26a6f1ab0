"""The data folder: one owner, a state file, and what an earlier run left."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pipeline.local import state
from pipeline.local.refused import Refused
from tests.local.processes import ORDERLY, STUBBORN

ENDS = state.Endpoints(
    bootstrap_servers="127.0.0.1:1",
    clickhouse_url="http://127.0.0.1:2",
    gateway_url="http://127.0.0.1:3",
    api_url="http://127.0.0.1:4",
    ingest_key="k",
    sentry_dsn="http://k@127.0.0.1:3/1",
)


def a_process(pid: int, started_at: float) -> state.Process:
    """Return a process as the state file has it."""
    return state.Process(
        stage="process",
        instance=0,
        pid=pid,
        started_at=started_at,
        state="running",
        restarts=0,
        metrics_port=0,
        log="x.log",
    )


def running(*processes: state.Process, pid: int = 0) -> state.Running:
    """Return what a supervisor writes."""
    return state.Running(
        pid=pid, started_at=0.0, phase="running", endpoints=ENDS, processes=list(processes)
    )


def an_orphan(code: str) -> "subprocess.Popen[str]":
    """Start a process that says that it runs."""
    orphan = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert orphan.stdout is not None
    assert orphan.stdout.readline() == "up\n"
    return orphan


def test_the_state_comes_back_as_written(tmp_path: Path) -> None:
    """What was written is read, by its owner alone."""
    written = running(a_process(1, 2.0))

    state.write(tmp_path, written)

    assert state.read(tmp_path) == written
    assert state.state_path(tmp_path).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["up.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_a_file_that_is_no_state_is_none(tmp_path: Path, content: bytes) -> None:
    """A damaged state file is as none at all."""
    state.state_path(tmp_path).write_bytes(content)

    assert state.read(tmp_path) is None


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    """The second is told who to stop; after the first has left, it may."""
    with (
        state.locked(tmp_path),
        pytest.raises(Refused, match="in use by another tocsin; stop it with `tocsin down"),
        state.locked(tmp_path),
    ):
        pass

    with state.locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A file in the way is one sentence."""
    (tmp_path / "file").touch()

    with (
        pytest.raises(Refused, match=r"cannot write .*; choose another --data"),
        state.locked(tmp_path / "file" / "data"),
    ):
        pass


@pytest.mark.parametrize("code", [ORDERLY, STUBBORN])
def test_the_next_owner_ends_what_is_left(tmp_path: Path, code: str) -> None:
    """What the state file names and still runs is ended, whether it cares to or not."""
    with an_orphan(code) as orphan:
        started = psutil.Process(orphan.pid).create_time()
        state.write(tmp_path, running(a_process(orphan.pid, started)))

        with state.locked(tmp_path):
            assert not psutil.pid_exists(orphan.pid)


def test_a_process_id_given_away_is_left_alone(tmp_path: Path) -> None:
    """A process of the same number but another time of birth is somebody else's."""
    with an_orphan(ORDERLY) as other:
        started = psutil.Process(other.pid).create_time() - 60
        state.write(tmp_path, running(a_process(other.pid, started), a_process(0, 0.0)))

        with state.locked(tmp_path):
            alive = other.poll() is None
        other.kill()

    assert alive
