"""What can be set of the connection to ClickHouse."""

from pydantic import BaseModel, ConfigDict, SecretStr


class ClickHouseSettings(BaseModel):
    """Where ClickHouse answers HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = "http://127.0.0.1:8123"
    user: str = "default"
    password: SecretStr = SecretStr("")
