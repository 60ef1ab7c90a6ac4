"""Errors as RFC 9457 problem documents: ``{type, title, status, detail, errors?: [{field, message}]}``, with codes."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from agent_console.sentences import coded, of_schema
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store.failures import in_words, meaning

LOG = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Answer with this status. ``errors`` name the fields at fault."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


def document(status: int, detail: str, errors: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """The problem document. ``code`` and ``params`` (RFC 9457 3.2) let the reader say it in another language."""
    found: dict[str, Any] = {"type": "about:blank", "title": _phrase(status), "status": status, "detail": detail}
    found |= coded(detail)
    if errors:
        found["errors"] = [{"field": field, "message": message} | coded(message) for field, message in errors]
    return found


def _of_schema(errors: Sequence[Any]) -> dict[str, Any]:
    found = document(400, "The request is not valid.")
    told = [(e, of_schema(str(e["type"]), e.get("ctx") or {})) for e in errors]
    found["errors"] = [{"field": field_path(e["loc"]), "message": str(e["msg"]), **said} for e, said in told]
    return found


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def answer(
    status: int, detail: str, errors: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The problem document as a response."""
    return JSONResponse(document(status, detail, errors), status, headers, MEDIA_TYPE)


def field_path(location: Sequence[Any]) -> str:
    """``("body", "phones", 0)`` as ``phones.0``."""
    parts = [str(part) for part in location if part not in ("body", "query", "path")]
    return ".".join(parts) or "body"


def install(app: FastAPI) -> None:
    """Make every error of the API a problem document."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return answer(error.status, error.detail, error.errors, error.headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return JSONResponse(_of_schema(error.errors()), 400, media_type=MEDIA_TYPE)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return answer(400, "The request is not valid.", [(error.field, error.message)])

    async def not_found(request: Request, error: Exception) -> Response:
        return answer(404, "There is no such thing.")

    async def conflict(request: Request, error: Exception) -> Response:
        return answer(409, str(error) or "It exists already, or was changed meanwhile.")

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        return answer(error.status_code, str(error.detail), headers=error.headers)

    async def unexpected(request: Request, error: Exception) -> Response:
        if meaning(error) == "away":
            LOG.warning("%s: the database is away: %r", request.method, in_words(error))
            return answer(503, "The database is away; please try again.", headers={"Retry-After": "5"})
        # Not the error's own text with its statement and parameters: they hold personal data.
        LOG.error("a request failed: %r\n%s", in_words(error), "".join(traceback.format_tb(error.__traceback__)))
        return answer(500, "Something went wrong on our side; it was written to the log.")

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(NotFound, not_found)
    app.add_exception_handler(Conflict, conflict)
    app.add_exception_handler(StarletteHTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with our errors in the place of FastAPI's (422 with its own shape)."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    text = {"type": "string"}
    params = {"type": "object", "additionalProperties": text}
    said = {"code": text, "params": params}
    error = {"type": "object", "required": ["field", "message"], "properties": {"field": text, "message": text, **said}}
    schemas["Problem"] = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            **said,
            "errors": {"type": "array", "items": error},
        },
    }
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operation in (o for methods in document["paths"].values() for o in methods.values()):
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = {"description": "A problem document (RFC 9457)", "content": content}
    return document
