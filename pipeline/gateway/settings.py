"""What can be set of the gateway stage."""

from pydantic import BaseModel, ConfigDict, Field


class GatewaySettings(BaseModel):
    """Settings of the gateway stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = 8600
    keys: dict[str, str] = Field(
        default={}, description="ingestion key → project; `tocsin up` makes one"
    )
    max_compressed_bytes: int = 20 * 2**20
    max_decompressed_bytes: int = 100 * 2**20
    max_event_bytes: int = 2**20
