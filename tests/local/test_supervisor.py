"""The supervisor over small real processes: restart, back-off, giving up, the end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pipeline.local.refused import Refused
from pipeline.local.supervisor import Supervisor
from tests.local.processes import (
    DRAINING,
    MORTAL,
    ORDERLY,
    STUBBORN,
    TestClock,
    a_spec,
    die_once,
    teller,
)


def test_what_is_ready_runs(tmp_path: Path) -> None:
    """A process is `running` once its own probe says so."""
    _, tell = teller()
    supervisor = Supervisor(tell)
    (child,) = supervisor.start([a_spec(tmp_path, ORDERLY)])
    before = child.life.state

    supervisor.wait_ready([child], 30)

    assert (before, child.life.state) == ("starting", "running")
    assert supervisor.peak_bytes > child.memory_bytes() > 2**20
    supervisor.stop()


def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    """A death is told with the log's place, and a new process takes over after the pause."""
    told, tell = teller()
    clock = TestClock()
    supervisor = Supervisor(tell, clock)
    (child,) = supervisor.start([a_spec(tmp_path, ORDERLY)])
    first = child.pid
    os.kill(first, signal.SIGKILL)

    die_once(supervisor, clock)

    assert child.pid not in {0, first}
    assert (child.life.state, child.life.restarts) == ("starting", 1)
    assert told[0].startswith(f"process-0 died and is started again: see {tmp_path}/process.log")
    supervisor.stop()


def test_five_deaths_in_a_minute_and_the_others_go_on(tmp_path: Path) -> None:
    """The fifth death marks it failed and says why; its neighbour is not touched."""
    told, tell = teller()
    clock = TestClock()
    supervisor = Supervisor(tell, clock)
    mortal, neighbour = supervisor.start(
        [a_spec(tmp_path, MORTAL), a_spec(tmp_path, ORDERLY, "group")]
    )
    pid = neighbour.pid

    for _ in range(5):
        die_once(supervisor, clock)
    supervisor.step()

    assert (mortal.life.state, mortal.life.restarts, mortal.pid) == ("failed", 4, 0)
    assert told[-1] == (
        "process-0 died five times within a minute, is left alone:"
        f" see {tmp_path}/process.log (no luck)"
    )
    assert (neighbour.pid, neighbour.is_gone()) == (pid, False)
    supervisor.stop()


def test_a_start_that_fails_is_refused_with_its_last_words(tmp_path: Path) -> None:
    """Waiting ends at the fifth death, not at the end of the time."""
    _, tell = teller()
    supervisor = Supervisor(tell, TestClock(step_s=0.5))
    children = supervisor.start([a_spec(tmp_path, MORTAL)])

    with pytest.raises(Refused, match=r"process-0 does not start: see .*\(no luck\)"):
        supervisor.wait_ready(children, 1000)


def test_what_is_never_ready_is_refused_in_time(tmp_path: Path) -> None:
    """A process that runs but never is ready is named after the time allowed."""
    _, tell = teller()
    supervisor = Supervisor(tell, TestClock(step_s=1.0))
    children = supervisor.start([a_spec(tmp_path, ORDERLY, is_ready=lambda: False)])

    with pytest.raises(Refused, match="process-0 does not start"):
        supervisor.wait_ready(children, 10)
    supervisor.stop()


def test_a_program_that_is_not_there_counts_as_a_death(tmp_path: Path) -> None:
    """What cannot even be started costs the supervisor nothing."""
    told, tell = teller()
    supervisor = Supervisor(tell)
    in_the_way = tmp_path / "file"
    in_the_way.touch()

    (child,) = supervisor.start([a_spec(tmp_path, ORDERLY, log=in_the_way / "x.log")])

    assert child.life.state == "waiting"
    assert told[0].startswith("process-0 cannot be started: ")


def test_an_orderly_end_loses_nothing(tmp_path: Path) -> None:
    """Each is asked to end and finishes what it does first."""
    told, tell = teller()
    supervisor = Supervisor(tell)
    specs = [a_spec(tmp_path, DRAINING, stage) for stage in ("kafka", "process", "group")]
    children = supervisor.start(specs)
    supervisor.wait_ready(children, 30)

    supervisor.stop()

    assert [child.spec.log.read_text().split() for child in children] == [["up", "drained"]] * 3
    assert [child.life.state for child in children] == ["stopped"] * 3
    assert told == []


def test_the_broker_outlives_the_stages(tmp_path: Path) -> None:
    """The stages end before what they write to does."""
    told, tell = teller()
    supervisor = Supervisor(tell, TestClock(step_s=0.5))
    children = supervisor.start([a_spec(tmp_path, STUBBORN, s) for s in ("kafka", "process")])
    supervisor.wait_ready(children, 1000)

    supervisor.stop()

    assert [sentence.split()[0] for sentence in told] == ["process-0", "kafka-0"]


def test_what_does_not_end_is_killed_within_ten_seconds(tmp_path: Path) -> None:
    """SIGKILL follows; nothing is left running when `stop` returns."""
    told, tell = teller()
    clock = TestClock(step_s=0.1)
    supervisor = Supervisor(tell, clock)
    stages = ("kafka", "store", "process", "group")
    children = supervisor.start([a_spec(tmp_path, STUBBORN, stage) for stage in stages])
    supervisor.wait_ready(children, 1000)
    before = clock.at

    supervisor.stop()

    assert clock.at - before < 10
    assert all(child.is_gone() for child in children)
    assert sorted(told) == sorted(f"{s}-0 did not end in time and was killed" for s in stages)


def test_a_killed_supervisor_takes_its_processes_with_it(tmp_path: Path) -> None:
    """Kill -9 of the supervisor leaves nothing running."""
    program = f"""
import signal
from pathlib import Path
from pipeline.local.supervisor import Supervisor
from tests.local.processes import STUBBORN, a_spec
supervisor = Supervisor(print)
children = supervisor.start([a_spec(Path({str(tmp_path)!r}), STUBBORN)])
supervisor.wait_ready(children, 30)
print(children[0].pid, flush=True)
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        process = psutil.Process(int(supervisor.stdout.readline()))

        supervisor.kill()

        process.wait(10)
    assert not process.is_running()
