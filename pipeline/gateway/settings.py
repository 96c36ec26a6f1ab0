"""What can be set of the gateway stage."""

from pydantic import BaseModel, ConfigDict, Field


class GatewaySettings(BaseModel):
    """Settings of the gateway stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(8600, ge=0, le=65_535)
    keys: dict[str, str] = Field(
        default={}, description="ingestion key → project; `tocsin up` makes one"
    )
    tunnels: tuple[str, ...] = Field(
        default=("/tunnel",), description="paths that take envelopes whose key is in their DSN"
    )
    keep_client_ip: bool = Field(
        default=False, description="fill the sender's address in where an SDK asks for it"
    )
    max_compressed_bytes: int = 20 * 2**20
    max_decompressed_bytes: int = 100 * 2**20
    max_event_bytes: int = Field(default=2**20, description="of one event, after trimming")
    max_records: int = Field(default=50_000, description="of one JSON request")
    ack_s: float = Field(default=5.0, description="how long Kafka may take to acknowledge")
    max_waiting: int = Field(default=1000, description="requests that may wait for Kafka at once")
    retry_after_s: int = Field(
        default=5, ge=1, description="what clients are told while Kafka is away"
    )
