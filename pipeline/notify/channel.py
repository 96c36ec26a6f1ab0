"""What every channel is: frozen settings, a request and the meaning of the answer."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from pipeline.model.notification import Notification
from pipeline.notify.exchange import HttpRequest, Mail, Reply
from pipeline.notify.outcome import Outcome, of_http


class Channel(BaseModel):
    """Settings of a channel; nothing in it does I/O."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    per_s: ClassVar[float] = 50.0  # messages a second that the other side takes
    burst: ClassVar[float] = 20.0  # and how many at once

    type: str
    timeout_s: float = Field(default=3.0, gt=0, le=60)

    @property
    def target(self) -> str:
        """What the log says it was sent to; never a secret."""
        return self.type

    def request(self, note: Notification, now: datetime) -> HttpRequest | Mail:
        """Return what is to be sent."""
        raise NotImplementedError

    def outcome(self, reply: Reply) -> Outcome:
        """Return what an answer means."""
        return of_http(reply)


class HttpChannel(Channel):
    """A channel that is reached by HTTP."""

    allow_private: bool = Field(
        default=False, description="let it connect to private and loopback addresses"
    )
