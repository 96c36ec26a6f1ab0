"""``GET /api/v1/alerts``: episodes and notices."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from pipeline.api.routes.params import Limit, Project, Store
from pipeline.store.queries.alerts import alerts

router = APIRouter(tags=["alerts"])
State = Literal["", "pending", "firing", "keeping", "resolved", "no_data"]


@router.get("/api/v1/alerts")
def get_alerts(
    store: Store,
    project: Project = "default",
    state: Annotated[State, Query()] = "",
    limit: Limit = 50,
) -> dict[str, Any]:
    """Return the newest episodes of alerts and the newest notices."""
    return alerts(store, project=project, state=state, limit=limit)
