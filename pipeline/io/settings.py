"""What can be set of the connection to Kafka."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class KafkaSettings(BaseModel):
    """Where the brokers are and how topics are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = "127.0.0.1:9092"
    partitions: int = Field(default=4, ge=1, description="of every partitioned topic")
    replication: int = Field(default=1, ge=1)
    min_insync_replicas: int = Field(default=1, ge=1)
    client: dict[str, str] = Field(default={}, description="passed on to librdkafka: sasl, ssl")
    dead_letter_key: SecretStr = Field(
        default=SecretStr(""),
        description="seals the bodies of dead letters: 32 bytes in hex or base64; none, no bodies",
    )
    dead_letter_key_file: Path | None = Field(
        default=None, description="a file with that key, if it is not given itself"
    )

    def has_dead_letter_key(self) -> bool:
        """Tell whether a key is configured."""
        return bool(self.dead_letter_key.get_secret_value()) or (
            self.dead_letter_key_file is not None
        )
