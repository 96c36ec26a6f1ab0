"""The HTTP API: read-only JSON, one call per view, and the live stream."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Request
from fastapi.responses import StreamingResponse

from pipeline import __version__
from pipeline.api import problems
from pipeline.api.hub import Hub
from pipeline.api.measure import Measure
from pipeline.api.routes import alerts, issues, overview
from pipeline.store.clickhouse import Client

STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def _stream(hub: Hub) -> APIRouter:
    """Return the live stream's two paths; the second is the one that older pages know."""
    router = APIRouter(tags=["stream"])

    @router.get("/api/v1/stream", response_class=StreamingResponse)
    @router.get("/api/errors/stream", response_class=StreamingResponse, include_in_schema=False)
    async def stream(
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> StreamingResponse:
        """Follow grouped events and alerts as server-sent events."""
        return StreamingResponse(
            hub.stream(last_event_id), media_type="text/event-stream", headers=STREAM_HEADERS
        )

    return router


def create_app(store: Client, hub: Hub) -> FastAPI:
    """Return the application over a store and a hub."""
    app = FastAPI(
        title="Tocsin", version=__version__, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.store = store
    app.add_middleware(Measure)
    problems.install(app)
    for router in (overview.router, issues.router, alerts.router, _stream(hub)):
        app.include_router(router)

    @app.get("/healthz", include_in_schema=False)
    async def healthz(_request: Request) -> str:
        """Say that the process serves."""
        return "ok"

    return app
