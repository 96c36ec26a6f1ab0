"""``GET /api/v1/issues``: a page of issues, and one of them."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from pipeline.api.routes.params import Limit, Project, Service, Store
from pipeline.store.queries.issues import FIRST, Filter, issue, issues

router = APIRouter(tags=["issues"])
YEARS = range(1970, 2200)  # that ClickHouse's DateTime64 can hold
Cursor = Annotated[
    str, Query(max_length=80, description="`next` of the page before; empty for the first.")
]


def _before(cursor: str) -> tuple[str, str]:
    """Return where a cursor points; raises a 422 for one that is none."""
    if not cursor:
        return FIRST
    at, _, group_id = cursor.partition("~")
    found = None
    with suppress(ValueError):
        found = datetime.fromisoformat(at)
    if found is None or found.year not in YEARS:
        raise HTTPException(422, "cursor: take it from `next` of the page before")
    return found.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], group_id


@router.get("/api/v1/issues")
def get_issues(
    store: Store,
    project: Project = "default",
    service: Service = "",
    status: Annotated[str, Query(max_length=20)] = "",
    text: Annotated[str, Query(max_length=200, description="Part of the title.")] = "",
    days: Annotated[int, Query(ge=1, le=90)] = 30,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Return a page of issues, the one seen last first; ``next`` is empty on the last page."""
    rows = issues(
        store, Filter(project, service, status, text, days), limit=limit, before=_before(cursor)
    )
    last = rows[-1] if len(rows) == limit else None
    at = last["last_seen"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] if last else ""
    return {"issues": rows, "next": f"{at}~{last['group_id']}" if last else ""}


@router.get("/api/v1/issues/{group_id}")
def get_issue(
    store: Store, group_id: str, project: Project = "default", events: Limit = 10
) -> dict[str, Any]:
    """Return one issue with its newest events and why they are grouped."""
    found = issue(store, group_id, project=project, events=events)
    if found is None:
        raise HTTPException(404, f"no issue {group_id} in project {project}")
    return found
