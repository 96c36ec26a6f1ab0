"""What can be set of the detect stage, and what the stage gets."""

from pydantic import BaseModel, ConfigDict, Field, field_validator


class DetectOptions(BaseModel):
    """What can be set; the length of the windows is aggregate's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top_issues: int = Field(default=3, ge=0, description="busiest groups named by each metric")
    top_s: int = Field(default=300, ge=60, description="how far back these are counted")


class DetectSettings(DetectOptions):
    """What the stage gets: the options, and the length of the windows that arrive."""

    window_s: int = Field(default=60, ge=1)

    @field_validator("window_s")
    @classmethod
    def _divides_a_minute(cls, value: int) -> int:
        """Refuse windows of which the shortest rolling window is no multiple."""
        if 60 % value:
            raise ValueError(f"window_s = {value} does not divide a minute: take 10, 30 or 60")
        return value
