"""What the visitors' REST routes have in common: errors as documents, which site is meant, from where somebody asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from interaction_log.web.origin import client_address, header
from webchat.deps import VisitorDeps
from webchat.gate import SiteGate, place_of

_TEXTS: Final = {
    400: "The request is not valid.",
    401: "A valid token is needed.",
    403: "This is not allowed here.",
    404: "There is no such thing.",
    409: "This cannot be done now.",
    413: "This is too large.",
    422: "This is not taken.",
    429: "Too much at once.",
    503: "This cannot be done just now.",
    507: "There is no room for this.",
}


class Problem(Exception):
    """An error as RFC 9457 has it."""

    def __init__(self, status: int, code: str, *, wait: float | None = None, field: str | None = None, why: str = ""):
        super().__init__(code)
        self.status, self.code, self.wait, self.field, self.why = status, code, wait, field, why


async def answer_problem(_: Request, error: Exception) -> Response:
    """Its document."""
    assert isinstance(error, Problem)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TEXTS[error.status],
        "status": error.status,
        "detail": error.why or _TEXTS[error.status],
        "code": error.code,
        "message": error.why or _TEXTS[error.status],
    }
    if error.field is not None:
        body["field"] = error.field
    headers = {}
    if error.wait is not None:
        body["wait"] = round(error.wait, 1)
        headers["Retry-After"] = str(int(error.wait) + 1)
    return JSONResponse(body, error.status, headers, media_type="application/problem+json")


class Asked:
    """Routes over what the visitors' server is built from."""

    def __init__(self, deps: VisitorDeps):
        self._deps = deps

    def _gate(self, request: Request, key: Any) -> SiteGate:
        gate = self._deps.gates.get(key) if isinstance(key, str) else None
        if gate is None:
            raise Problem(404, "unknown_site")
        self._page_of(request, gate)
        return gate

    def _page_of(self, request: Request, gate: SiteGate) -> None:
        origin = header(request.scope["headers"], b"origin")
        if not gate.site.allows(origin, self._deps.own_page(request.scope)):
            raise Problem(403, "origin")

    def _place(self, request: Request) -> str:
        return place_of(client_address(request.scope, self._deps.trusted_proxies))


async def content_of(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces. Raises ``Problem``."""
    try:
        async for chunk in request.stream():
            if chunk:
                yield chunk
    except ClientDisconnect:
        raise Problem(400, "cut_off") from None
