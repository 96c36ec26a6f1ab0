"""Errors as RFC 9457 problems: what is wrong, where, and what to do."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pipeline.io.log import logger
from pipeline.store.clickhouse import StoreAway, StoreRefused

MEDIA_TYPE = "application/problem+json"
_log = logger("api")


def problem(status: int, title: str, detail: str, **more: Any) -> JSONResponse:
    """Return one problem."""
    body = {"type": "about:blank", "status": status, "title": title, "detail": detail, **more}
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


async def _http(_request: Request, raised: Exception) -> JSONResponse:
    """Answer a route's own refusal, or a path that does not exist."""
    assert isinstance(raised, HTTPException)
    return problem(raised.status_code, "refused", str(raised.detail))


async def _invalid(_request: Request, raised: Exception) -> JSONResponse:
    """Answer a parameter that cannot be read; the value is not repeated."""
    assert isinstance(raised, RequestValidationError)
    errors = [
        {"where": ".".join(map(str, error["loc"])), "what": error["msg"]}
        for error in raised.errors()
    ]
    return problem(422, "invalid parameters", "see errors", errors=errors)


async def _away(_request: Request, _raised: Exception) -> JSONResponse:
    """Answer while ClickHouse is away: the page tries again by itself."""
    answer = problem(503, "ClickHouse is away", "try again in a few seconds")
    answer.headers["Retry-After"] = "5"
    return answer


async def _refused(_request: Request, raised: Exception) -> JSONResponse:
    """Answer when ClickHouse says no: mostly its tables are not those of this version."""
    assert isinstance(raised, StoreRefused)
    _log.error("ClickHouse refused a query", code=raised.code, reason=str(raised)[:500])
    detail = f"ClickHouse answers with code {raised.code}: run `tocsin migrate`, see the log"
    return problem(503, "ClickHouse refused the query", detail)


def install(app: FastAPI) -> None:
    """Teach an application to answer with problems."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StoreAway, _away)
    app.add_exception_handler(StoreRefused, _refused)
