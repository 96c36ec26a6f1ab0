"""What can be set of the process stage."""

from pydantic import BaseModel, ConfigDict, Field


class ProcessSettings(BaseModel):
    """Settings of the process stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dedupe_s: int = Field(default=600, description="how long an event_id is remembered")
    dedupe_ids: int = Field(default=1_000_000, description="event ids remembered per partition")
    future_s: int = Field(default=300, description="an event time further ahead is clamped")
    past_days: int = Field(default=30, description="an event time further back is clamped")
    failed_status: int = Field(default=500, description="requests from this status on have failed")
    apdex_ms: int = Field(default=500, description="apdex T")
    heartbeat_s: int = Field(default=5, description="frames of an idle source come this often")
