"""What can be set of the sink stage."""

from pydantic import BaseModel, ConfigDict, Field


class SinkSettings(BaseModel):
    """Settings of the sink stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(default=10_000, description="rows that make a batch full")
    bytes: int = Field(default=16 * 2**20, description="bytes that make a batch full")
    seconds: float = Field(default=2.0, description="a batch waits no longer than this")
