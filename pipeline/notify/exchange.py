"""What a channel wants to be sent, and what came back."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Failure = Literal["", "network", "timeout", "tls", "auth", "denied"]


class HttpRequest(msgspec.Struct, frozen=True):
    """A POST; the URL may hold a secret, so it is not shown."""

    url: str
    body: bytes
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"HttpRequest({len(self.body)} bytes)"


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail with a text and an HTML part; the shell builds its headers."""

    message_id: str
    references: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: an HTTP status or an SMTP code, or why there is none. Header names are lower."""

    status: int = 0
    headers: Mapping[str, str] = {}
    body: bytes = b""
    failure: Failure = ""
    text: str = ""
