"""What can be set of the aggregate stage."""

from pydantic import BaseModel, ConfigDict, Field, field_validator


class AggregateSettings(BaseModel):
    """Settings of the aggregate stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_s: int = Field(default=60, ge=1, description="length of a window; divides a minute")
    grace_s: int = Field(default=30, ge=0, description="how long a window waits for late rows")
    idle_s: int = Field(default=600, ge=1, description="a silent source holds the clock this long")
    series_s: int = Field(
        default=86_400, ge=0, description="a series seen within this gets empty windows"
    )
    series_limit: int = Field(
        default=2000, ge=1, description="series per partition that get empty windows"
    )

    @field_validator("window_s")
    @classmethod
    def _divides_a_minute(cls, value: int) -> int:
        """Refuse a window of which the shortest rolling window is no multiple."""
        if 60 % value:
            raise ValueError(f"window_s = {value} does not divide a minute: take 10, 30 or 60")
        return value
