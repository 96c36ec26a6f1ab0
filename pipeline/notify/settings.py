"""What can be set of the notify stage."""

from pydantic import BaseModel, ConfigDict, Field


class NotifySettings(BaseModel):
    """Settings of the notify stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: str = Field(default="", description="path of channels.yaml; empty for none")
    give_up_s: int = Field(default=86_400, description="a notice is refused after this long")
