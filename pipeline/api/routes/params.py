"""Parameters that several routes share."""

from typing import Annotated

from fastapi import Depends, Query, Request

from pipeline.store.clickhouse import Client

Project = Annotated[str, Query(max_length=200, description="The project.")]
Service = Annotated[str, Query(max_length=200, description="Empty for all services.")]
Environment = Annotated[str, Query(max_length=64, description="Empty for all environments.")]
Limit = Annotated[int, Query(ge=1, le=500)]


def _store(request: Request) -> Client:
    """Return the application's client."""
    client: Client = request.app.state.store
    return client


Store = Annotated[Client, Depends(_store)]
