"""The visitors' REST API below ``/chat/api``: what a site offers, tokens (``rest_tokens``), files (``rest_files``).

Everything is for any client that has the token; browsers besides must come from a page of the site.
"""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webchat.asked import Asked, Problem, answer_problem
from webchat.deps import VisitorDeps
from webchat.rest_files import VisitorFiles
from webchat.rest_tokens import VisitorTokens

LOG = logging.getLogger(__name__)


class VisitorRest(Asked):
    """The routes."""

    def __init__(self, deps: VisitorDeps):
        super().__init__(deps)
        self._tokens, self._files = VisitorTokens(deps), VisitorFiles(deps)

    def app(self) -> Starlette:
        """As an application."""
        routes = [
            Route("/chat/api/site", self._guarded(self.site), methods=["GET"]),
            Route("/chat/api/challenge", self._guarded(self.challenge), methods=["GET"]),
            Route("/chat/api/visitor", self._guarded(self._tokens.visitor), methods=["POST"]),
            Route("/chat/api/files", self._guarded(self._files.upload), methods=["POST"]),
            Route("/chat/api/files/{id}", self._guarded(self._files.download), methods=["GET"]),
            Route("/chat/api/{rest:path}", self._guarded(self.nothing), methods=["GET", "POST", "PUT", "DELETE"]),
        ]
        return Starlette(routes=routes, exception_handlers={Problem: answer_problem})

    def _guarded(self, method: Any) -> Any:
        async def guarded(request: Request) -> Response:
            try:
                found: Response = await method(request)
            except (sa.exc.SQLAlchemyError, OSError) as error:
                LOG.warning("a request of a visitor: %s", type(error).__name__)
                raise Problem(503, "unavailable", wait=1.0) from None
            return found

        return guarded

    async def site(self, request: Request) -> Response:
        """``GET /chat/api/site?site=KEY&queue=NAME``."""
        gate = self._gate(request, request.query_params.get("site"))
        view = await self._deps.chats.site(gate.site.key, request.query_params.get("queue", "")[:80])
        if view is None:
            raise Problem(404, "unknown_queue")
        files = view["files"] and gate.site.files and self._deps.folder is not None
        told = {**view, "proof_bits": gate.proof_bits(self._deps.now()), "files": files}
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    async def challenge(self, request: Request) -> Response:
        """``GET /chat/api/challenge?site=KEY``."""
        gate = self._gate(request, request.query_params.get("site"))
        bits, salt = gate.proof_bits(self._deps.now()), self._deps.random(12).hex()
        text = self._deps.proofs.challenge(gate.site.key, bits, salt, self._deps.wall())
        return JSONResponse({"challenge": text, "bits": bits}, headers={"Cache-Control": "no-store"})

    async def nothing(self, request: Request) -> Response:
        """No such route."""
        raise Problem(404, "not_found")
