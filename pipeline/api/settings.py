"""What can be set of the HTTP API."""

from pydantic import BaseModel, ConfigDict, Field


class ApiSettings(BaseModel):
    """Where the HTTP API listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(8700, ge=0, le=65_535)
