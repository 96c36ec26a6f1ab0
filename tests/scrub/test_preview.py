"""What is shown of bytes that nobody could use."""

import pytest

from pipeline.scrub.preview import preview_of
from tests.scrub.corpus import CANARY


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b'{"service": "s", "password": "%b"}', '{"service":"s","password":"[REDACTED]"}'),
        (b'{"service": "s", "password": "%b", "cut', '{"service": "s", "password": "[REDACTED]"'),
        (b"\xff\xfe password=%b", "\ufffd\ufffd password=[REDACTED]"),
        (b'["token", "%b"]', '["token","[REDACTED]"]'),
    ],
)
def test_no_secret_is_shown(payload: bytes, shown: str) -> None:
    """2.20 A preview has no secrets, whether the bytes parse or not, and is short."""
    found = preview_of(payload % CANARY.encode())["preview"]

    assert CANARY not in found
    assert found.startswith(shown)
    assert len(preview_of(b"a b " * 999)["preview"]) == 200


def test_the_owner_is_named_if_it_can_be_read() -> None:
    """Project and service are told where the bytes are an object."""
    assert preview_of(b'{"project": "p", "service": "s"}') | {"preview": ""} == {
        "preview": "",
        "project": "p",
        "service": "s",
    }
