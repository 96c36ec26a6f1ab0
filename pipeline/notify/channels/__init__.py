"""One module per channel, and the union that names them all."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.notify.channel import Channel
from pipeline.notify.channels.email import Email
from pipeline.notify.channels.pagerduty import PagerDuty
from pipeline.notify.channels.slack import Slack
from pipeline.notify.channels.webhook import Webhook

CHANNELS: tuple[type[Channel], ...] = (Slack, PagerDuty, Email, Webhook)

AnyChannel = Annotated[Slack | PagerDuty | Email | Webhook, Field(discriminator="type")]
# A name is part of a consumer group and of a message key.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class ChannelFile(BaseModel):
    """A file of channels, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    channels: dict[Name, AnyChannel] = {}
