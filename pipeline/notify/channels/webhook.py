"""A webhook of one's own, signed as Standard Webhooks says; the body is ``notification.v1``."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator, Field, SecretStr

from pipeline.model.notification import Notification
from pipeline.notify.channel import HttpChannel
from pipeline.notify.exchange import HttpRequest

PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret; raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret is whsec_ and base64") from error
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("a secret is whsec_ and 24 to 64 bytes in base64")
    return key


def is_a_secret(secret: SecretStr) -> SecretStr:
    """Return the secret if it can sign."""
    key_of(secret.get_secret_value())
    return secret


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class Webhook(HttpChannel):
    """``type: webhook``; two secrets while one replaces the other."""

    type: Literal["webhook"]
    url: str = Field(pattern=r"^https?://")
    secrets: tuple[Annotated[SecretStr, AfterValidator(is_a_secret)], ...] = Field(
        default=(), max_length=2, description="none leaves the requests unsigned"
    )
    timeout_s: float = Field(default=15.0, gt=0, le=60)

    def request(self, note: Notification, now: datetime) -> HttpRequest:
        """Return the notification as it is on the topic."""
        body = msgspec.json.encode(note)
        timestamp = int(now.timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": note.notification_id,
            "webhook-timestamp": str(timestamp),
        }
        if self.secrets:
            headers["webhook-signature"] = " ".join(
                signature(secret.get_secret_value(), note.notification_id, timestamp, body)
                for secret in self.secrets
            )
        return HttpRequest(self.url, body, headers)
