"""Which kind an error is: as the standard library, drivers and HTTP clients raise them."""

import sqlite3
import urllib.error
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from pipeline.local.ports import free_port
from pipeline.recovery.classify import classify
from pipeline.recovery.errors import (
    DatabaseError,
    ExternalServiceError,
    NetworkError,
    RateLimitError,
    RecoveryError,
    Rejected,
    UnknownError,
)


def an_error(text: str = "", **attributes: Any) -> Exception:
    """Return an error of a foreign library."""
    error = RuntimeError(text)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


def caused(error: Exception, cause: Exception) -> Exception:
    """Return an error that was raised from another."""
    error.__cause__ = cause
    return error


CASES: list[tuple[Exception, type[RecoveryError]]] = [
    (ConnectionRefusedError(111, "Connection refused"), NetworkError),
    (ConnectionResetError(), NetworkError),
    (BrokenPipeError(), NetworkError),
    (TimeoutError(), NetworkError),
    (OSError(113, "No route to host"), NetworkError),
    (an_error("connect ECONNREFUSED 127.0.0.1:5432"), NetworkError),
    (an_error("HTTPSConnectionPool: Read timed out. (read timeout=3)"), NetworkError),
    (an_error("[Errno -3] Temporary failure in name resolution"), NetworkError),
    (an_error("deadlock detected"), DatabaseError),
    (an_error("(1213, 'Deadlock found when trying to get lock')"), DatabaseError),
    (an_error("SQLITE_BUSY: database is locked"), DatabaseError),
    (an_error(sqlstate="40P01"), DatabaseError),
    (an_error(pgcode="40001"), DatabaseError),
    (an_error(sqlite_errorname="SQLITE_BUSY_SNAPSHOT"), DatabaseError),
    (an_error(status=429), RateLimitError),
    (an_error(status_code=429), RateLimitError),
    (an_error(response=SimpleNamespace(status_code=429)), RateLimitError),
    (urllib.error.HTTPError("http://x", 429, "slow down", Message(), None), RateLimitError),
    (an_error(is_external_service=True), ExternalServiceError),
    (NetworkError(), NetworkError),
    (DatabaseError(), DatabaseError),
    (RateLimitError(), RateLimitError),
    (ExternalServiceError(), ExternalServiceError),
    (Rejected("x", 1.0), Rejected),
    (an_error("boom"), UnknownError),
    (an_error(status=500), UnknownError),
    (an_error(is_external_service=False), UnknownError),
    (an_error(sqlstate="23505"), UnknownError),
    (FileNotFoundError(2, "No such file"), UnknownError),
    (PermissionError(13, "denied"), UnknownError),
    (ValueError("timeout has to be a number"), UnknownError),
    (ValueError("the customer refused"), UnknownError),
    (caused(an_error("query failed"), an_error("deadlock detected")), DatabaseError),
    (caused(ExternalServiceError(), ConnectionRefusedError()), ExternalServiceError),
    (caused(an_error("no price"), KeyError("price")), UnknownError),
]


@pytest.mark.parametrize(("error", "expected"), CASES, ids=lambda case: str(case)[:60])
def test_kinds(error: Exception, expected: type[RecoveryError]) -> None:
    """7.10 Refused and timed out, deadlock and busy, 429, is_external_service, else unknown."""
    assert classify(error) is expected


def test_a_bug_in_a_handler_is_a_bug() -> None:
    """7.10 What an error was raised beside is not what it is."""
    error = KeyError("host")
    error.__context__ = ConnectionRefusedError()

    assert classify(error) is UnknownError


def test_causes_in_a_circle_end() -> None:
    """Errors that cause each other are looked at and left."""
    first, second = an_error("a"), an_error("b")
    first.__cause__, second.__cause__ = second, first

    assert classify(first) is UnknownError


def test_httpx_refused() -> None:
    """7.10 A real refused connection, as httpx raises it."""
    with pytest.raises(httpx.ConnectError) as raised:
        httpx.get(f"http://127.0.0.1:{free_port()}", trust_env=False)

    assert classify(raised.value) is NetworkError


def test_httpx_429() -> None:
    """7.10 A real 429, as httpx raises it."""
    answer = httpx.Response(429, request=httpx.Request("GET", "http://x"))
    with pytest.raises(httpx.HTTPStatusError) as raised:
        answer.raise_for_status()

    assert classify(raised.value) is RateLimitError


def test_sqlite_busy(tmp_path: Path) -> None:
    """7.10 A real locked database, as sqlite3 raises it."""
    first, second = (sqlite3.connect(tmp_path / "x", timeout=0) for _ in range(2))
    first.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError) as raised:
        second.execute("BEGIN EXCLUSIVE")
    first.close()
    second.close()

    assert classify(raised.value) is DatabaseError
