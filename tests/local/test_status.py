"""What `tocsin status` tells, over real processes."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from pipeline.io import metrics
from pipeline.io.health import Health
from pipeline.local import state
from pipeline.local.ask import metric_sum
from pipeline.local.status import Row, look
from tests.local.test_state import ENDS, a_process


@pytest.fixture
def worker() -> Iterator[Health]:
    """Give a worker's HTTP port: alive, ready, three records behind."""
    metrics.LAG.labels("process", "events.raw", "0").set(2)
    metrics.LAG.labels("process", "events.raw", "1").set(1)
    health = Health("127.0.0.1", 0, lambda: True, lambda: True)
    yield health
    health.close()
    metrics.LAG.clear()


def born() -> float:
    """Return when this process began."""
    return psutil.Process().create_time()


def running(*processes: state.Process) -> state.Running:
    """Return the state of a supervisor that is this process."""
    return state.Running(
        pid=os.getpid(),
        started_at=born(),
        phase="running",
        endpoints=ENDS,
        processes=list(processes),
    )


def test_nothing_runs(tmp_path: Path) -> None:
    """No state file, and a state file whose supervisor has gone, are nothing."""
    assert look(tmp_path) is None

    state.write(tmp_path, msgspec.structs.replace(running(), started_at=1.0))

    assert look(tmp_path) is None


def test_a_worker_is_asked_how_it_is(tmp_path: Path, worker: Health) -> None:
    """Lag is the sum over its partitions; memory, age and readiness are as of now."""
    process = a_process(os.getpid(), born())
    with_port = msgspec.structs.replace(process, metrics_port=worker.port, restarts=2)
    state.write(tmp_path, running(with_port))

    found = look(tmp_path)

    assert found is not None
    (row,) = found.processes
    assert (row.lag, row.ready, row.restarts, row.pid) == (3, True, 2, os.getpid())
    assert row.memory is not None
    assert row.memory > 2**20
    assert row.uptime is not None
    assert row.uptime >= 0
    assert found.endpoints == ENDS


def test_the_fields_are_those_that_others_read() -> None:
    """Scripts rely on the names of a process' fields and of the endpoints."""
    assert set(Row.__struct_fields__) == {
        *("stage", "instance", "pid", "state", "restarts", "uptime", "memory", "lag", "ready"),
        "metrics_port",
    }
    assert {"bootstrap_servers", "clickhouse_url", "gateway_url", "sentry_dsn", "api_url"} <= set(
        state.Endpoints.__struct_fields__
    )


def test_a_process_that_has_gone_is_not_ready(tmp_path: Path) -> None:
    """What ended or failed shows no number it does not have."""
    gone = a_process(os.getpid(), born() - 100)
    failed = msgspec.structs.replace(a_process(0, 0.0), state="failed", metrics_port=1)
    state.write(tmp_path, running(gone, failed))

    found = look(tmp_path)

    assert found is not None
    assert [(r.state, r.ready, r.pid, r.memory, r.lag) for r in found.processes] == [
        ("stopped", False, 0, None, None),
        ("failed", False, 0, None, None),
    ]


@pytest.mark.parametrize(
    ("exposition", "expected"),
    [
        ("", None),
        ("tocsin_lag_records_total 7\n", None),
        ('# HELP tocsin_lag_records x\ntocsin_lag_records{a="b c"} 2.0\n', 2.0),
        ('tocsin_lag_records{a="1"} 2\ntocsin_lag_records{a="2"} 1e3\n', 1002.0),
        ("tocsin_lag_records 5\n", 5.0),
    ],
)
def test_a_metric_is_summed_over_its_labels(exposition: str, expected: float | None) -> None:
    """A metric of another name does not count, none is not zero."""
    assert metric_sum(exposition, "tocsin_lag_records") == expected


def test_what_failed_is_named(tmp_path: Path) -> None:
    """The phase stays what it is; the processes that are given up stand beside it."""
    alert = msgspec.structs.replace(a_process(0, 0.0), stage="alert", state="failed")
    state.write(tmp_path, running(a_process(os.getpid(), born()), alert))

    found = look(tmp_path)

    assert found is not None
    assert (found.phase, found.failed) == ("running", ["alert-0"])
