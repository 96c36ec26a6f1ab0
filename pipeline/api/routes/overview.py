"""``GET /api/v1/overview``: one call paints the page."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from pipeline.api.routes.params import Environment, Project, Service, Store
from pipeline.store.queries.overview import overview
from pipeline.store.queries.ranges import Range

router = APIRouter(tags=["overview"])


@router.get("/api/v1/overview")
def get_overview(
    store: Store,
    range_: Annotated[Range, Query(alias="range")] = "1h",
    project: Project = "default",
    service: Service = "",
    environment: Environment = "",
) -> dict[str, Any]:
    """Return totals, their course and the services of a range of time."""
    return overview(store, range_, project=project, service=service, environment=environment)
