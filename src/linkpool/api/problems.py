"""Errors as problem details (RFC 9457): one shape for everything that can go wrong."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException

from linkpool.errors import Permanent, Temporary
from linkpool.log import scrub
from linkpool.wire.api import Problem, Unfit

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "2"
"""Seconds a caller should wait after a temporary failure."""


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, errors: Sequence[Unfit] = ()
) -> JSONResponse:
    """An error response; secrets in the text are masked."""
    title = HTTPStatus(status).phrase
    body = Problem(title=title, status=status, detail=scrub(detail), errors=list(errors))
    return JSONResponse(body.model_dump(), status, headers, media_type=MEDIA_TYPE)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return problem(error.status_code, str(error.detail), headers)


def _allowed(request: Request) -> set[str]:
    """Every method of the path; the framework names only those of the first route that fits."""
    allowed: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, APIRoute) and route.path_regex.match(request.url.path):
            allowed |= route.methods or set()
    return allowed


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    found = error.errors()
    lines = (f"{_joined(item['loc'])}: {item['msg']}" for item in found)
    unfit = [Unfit(field=_joined(item["loc"][1:]), message=scrub(item["msg"])) for item in found]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(lines), errors=unfit)


def _joined(place: Sequence[int | str]) -> str:
    """Where it is: below `body`, `path`, `query` or `header`."""
    return ".".join(str(part) for part in place)


async def _temporary(request: Request, error: Exception) -> JSONResponse:
    log.warning("request failed for now", path=request.url.path, error=str(error))
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": RETRY_AFTER})


async def _at_once(request: Request, error: Exception) -> JSONResponse:
    log.warning("two changes at once", path=request.url.path, error=type(error).__name__)
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "somebody else changed it at this very moment; ask again",
        {"Retry-After": "1"},
    )


async def _permanent(_request: Request, error: Exception) -> JSONResponse:
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, text in (
        (400, "The request could not be read"),
        (401, "No token, or one that is not good (any more)"),
        (403, "The token lacks the scope"),
        (404, "No such thing"),
        (409, "It does not fit with what is: a key used for something else, a node that moves already"),
        (413, "The body is too large"),
        (422, "The request is not as it must be; the text names the field"),
        (429, "Too many requests"),
        (503, "Not now: the database or the chain does not answer"),
    )
}
"""What every route may answer, for the OpenAPI document."""


def install(app: FastAPI) -> None:
    """Answer every error of the app in this shape."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Temporary, _temporary)
    app.add_exception_handler(Permanent, _permanent)
    app.add_exception_handler(IntegrityError, _at_once)


def describe(app: FastAPI) -> None:
    """Put the shape of errors into the OpenAPI document, once, in place of the framework's own."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = build()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(shape.pop("$defs"))
            schemas["Problem"] = shape
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # the framework's documented way to extend it
