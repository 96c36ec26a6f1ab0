"""What can be set of the alert stage."""

from pydantic import BaseModel, ConfigDict, Field


class AlertSettings(BaseModel):
    """Settings of the alert stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: str = Field(default="", description="path of rules.yaml; empty for the shipped rules")
    public_url: str = Field(default="", description="where people reach the dashboard")
