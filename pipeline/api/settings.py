"""What can be set of the HTTP API."""

from pydantic import BaseModel, ConfigDict


class ApiSettings(BaseModel):
    """Where the HTTP API listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = 8700
