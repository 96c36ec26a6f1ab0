"""Starts ``tocsin up`` in the background and waits until everything is ready."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.local import state
from pipeline.local.child import last_line, open_log
from pipeline.local.refused import Refused

LOOK_S = 0.1


def detach(arguments: Sequence[str], data: Path) -> state.Running:
    """Return what runs once all is ready; raises Refused if anything is not, and ends it then."""
    log = data / "up.log"
    with open_log(log) as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        found = _wait(process, data)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if found is None:
        said = last_line(log).removeprefix("tocsin: ")
        raise Refused(said or f"it ended with exit code {process.returncode}: see {log}")
    return found


def _wait(process: subprocess.Popen[bytes], data: Path) -> state.Running | None:
    """Wait for the phase ``running``; return None if the process ended before."""
    while process.poll() is None:
        found = state.read(data)
        if found is not None and found.pid == process.pid and found.phase == "running":
            if found.problem:
                raise Refused(found.problem)
            return found
        time.sleep(LOOK_S)
    return None
