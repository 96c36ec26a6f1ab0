"""What can be set of the detect stage."""

from pydantic import BaseModel, ConfigDict, Field, field_validator


class DetectSettings(BaseModel):
    """Settings of the detect stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_s: int = Field(default=60, ge=1, description="length of the windows that arrive")
    top_issues: int = Field(default=3, ge=0, description="busiest groups named by each metric")
    top_s: int = Field(default=300, ge=60, description="how far back these are counted")

    @field_validator("window_s")
    @classmethod
    def _divides_a_minute(cls, value: int) -> int:
        """Refuse windows of which the shortest rolling window is no multiple."""
        if 60 % value:
            raise ValueError(f"window_s = {value} does not divide a minute: take 10, 30 or 60")
        return value
