"""What can be set of the detect stage."""

from pydantic import BaseModel, ConfigDict, Field


class DetectSettings(BaseModel):
    """Settings of the detect stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_s: int = Field(default=60, description="length of the windows that arrive")
