"""What can be set of the group stage."""

from pydantic import BaseModel, ConfigDict, Field


class GroupSettings(BaseModel):
    """Settings of the group stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack_cutoff: float = Field(
        default=0.4, ge=0, le=1, description="normalised Indel similarity of stacks"
    )
    message_cutoff: float = Field(
        default=92.0, ge=0, le=100, description="rapidfuzz ratio of messages"
    )
    siblings: int = Field(
        default=5, ge=2, description="groups that differ in one word before they merge"
    )
    bucket: int = Field(default=128, ge=1, description="newest candidates kept per bucket")
