"""What can be set of the aggregate stage."""

from pydantic import BaseModel, ConfigDict, Field


class AggregateSettings(BaseModel):
    """Settings of the aggregate stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_s: int = Field(default=60, description="length of a window")
    grace_s: int = Field(default=30, description="how long a window waits for late rows")
    idle_s: int = Field(default=600, description="a silent source holds the clock this long")
    series_s: int = Field(
        default=86_400, description="a series seen within this gets empty windows"
    )
