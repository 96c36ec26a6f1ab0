"""What can be set of the connection to Kafka."""

from pydantic import BaseModel, ConfigDict, Field


class KafkaSettings(BaseModel):
    """Where the brokers are and how topics are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = "127.0.0.1:9092"
    partitions: int = Field(default=4, ge=1, description="of every partitioned topic")
    replication: int = Field(default=1, ge=1)
    min_insync_replicas: int = Field(default=1, ge=1)
    client: dict[str, str] = Field(default={}, description="passed on to librdkafka: sasl, ssl")
