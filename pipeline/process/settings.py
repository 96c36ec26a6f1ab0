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
    flood_per_minute: int = Field(
        default=4000,
        ge=0,
        description="events of one fingerprint, environment and level that are stored whole in a"
        " minute, shared by the partitions; beyond it the newest and ever fewer between stand, by"
        " their sample_weight, for all. 0: every event is stored",
    )
    quota_per_minute: float = Field(
        default=0,
        ge=0,
        description="rows that a service may store a minute, shared by the partitions; what is"
        " beyond is counted and not stored (outcome filtered, reason quota). 0: no quota",
    )
    quota_burst: int = Field(
        default=20_000, ge=1, description="rows that a service may store at once within its quota"
    )
    groups_per_hour: int = Field(
        default=10_000,
        ge=0,
        description="groups that a service may found in an hour; the events of further ones belong"
        " to its group other. 0: no limit",
    )
