"""How long the other side asks to be left alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.recovery.errors import RateLimitError, Rejected
from pipeline.recovery.retry_after import asked_by, seconds
from tests.recovery.build import AT


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (0, 0.0),
        (0.5, 0.5),
        ("0", 0.0),
        (" 20 ", 20.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:59:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        (-1, None),
        ("-1", None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        (b"20", None),
    ],
)
def test_seconds(asked: object, expected: float | None) -> None:
    """7.4 D21 Seconds count, 0 too; an HTTP date does; nonsense does not."""
    assert seconds(asked, AT) == expected


def _with_headers(headers: Any) -> Exception:
    """Return an error that carries its response."""
    error = RuntimeError("429")
    error.response = SimpleNamespace(status_code=429, headers=headers)  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RateLimitError(retry_after=0), 0.0),
        (RateLimitError(retry_after="7"), 7.0),
        (RateLimitError(), None),
        (Rejected("x", 12.0), 12.0),
        (_with_headers({"Retry-After": "7"}), 7.0),
        (_with_headers({"retry-after": "0"}), 0.0),
        (_with_headers({}), None),
        (_with_headers(None), None),
        (RuntimeError(), None),
    ],
)
def test_asked_by(error: Exception, expected: float | None) -> None:
    """7.4 An error's own word comes first, then the header of its response."""
    assert asked_by(error, AT) == expected
