"""The visitors' REST API below ``/chat/api``: what a site offers, tokens, files up and down.

Everything is for any client that has the token; browsers besides must come from a page of the site.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from typing import Any, Final, NoReturn
from urllib.parse import quote

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from interaction_log.chats import ChatFile, StoredVisitor
from interaction_log.records import NotFound
from interaction_log.store.chat_folder import ChatFolder, FileRefused, safe_name
from interaction_log.web.origin import client_address, header
from interaction_log.web.strict_json import BadJson, loads
from webchat.deps import VisitorDeps
from webchat.gate import SiteGate, place_of
from webchat.ports import Visitor
from webchat.tokens import LEEWAY, BadToken, User, token_hash, usable, user_of

LOG = logging.getLogger(__name__)
MAX_BODY: Final = 16 * 1024
CHUNK: Final = 64 * 1024
INERT: Final = {
    "Content-Type": "application/octet-stream",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
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
_FILE_STATUS: Final = {"empty": 422, "too_large": 413, "file_refused": 422, "scan_unavailable": 503, "disk_full": 507}


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


class VisitorRest:
    """The routes."""

    def __init__(self, deps: VisitorDeps):
        self._deps = deps

    def app(self) -> Starlette:
        """As an application."""
        routes = [
            Route("/chat/api/site", self._guarded(self.site), methods=["GET"]),
            Route("/chat/api/challenge", self._guarded(self.challenge), methods=["GET"]),
            Route("/chat/api/visitor", self._guarded(self.visitor), methods=["POST"]),
            Route("/chat/api/files", self._guarded(self.upload), methods=["POST"]),
            Route("/chat/api/files/{id}", self._guarded(self.download), methods=["GET"]),
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

    # --- what a site offers ---------------------------------------------------------------------------

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

    async def nothing(self, request: Request) -> Response:
        """No such route."""
        raise Problem(404, "not_found")

    # --- tokens -----------------------------------------------------------------------------------------

    async def visitor(self, request: Request) -> Response:
        """``POST /chat/api/visitor``: the token that he has, prolonged, or a new one."""
        body = await self._body(request)
        gate, place = self._gate(request, body.get("site")), self._place(request)
        user = await self._user(gate, body.get("user_token"), place)
        known = await self._known(gate, body.get("token"), user, place)
        if known is not None:
            return known
        self._check_proof(gate, body.get("proof"))
        wait = gate.visitor(place, self._deps.now())
        if wait:
            raise Problem(429, "too_many", wait=wait)
        token, now = secrets.token_urlsafe(32), self._deps.wall()
        made = await self._deps.store.make_visitor(
            gate.site.key,
            token_hash(token),
            at=now,
            expires_at=now + gate.site.token_seconds,
            subject=user.subject if user is not None else None,
            attributes=dict(user.attributes) if user is not None else None,
        )
        return await self._token(made, token, place)

    async def _user(self, gate: SiteGate, token: Any, place: str) -> User | None:
        if token is None:
            return None
        site = gate.site
        try:
            if not isinstance(token, str):
                raise BadToken("it is no text")
            user = user_of(
                token,
                site.keys,
                issuer=site.issuer or site.key,
                audience=site.audience,
                longest=site.user_seconds,
                now=self._deps.wall(),
            )
        except BadToken as error:
            raise Problem(401, "user_token", field="user_token", why=f"user_token: {error}") from None
        until, now = user.expires_at + LEEWAY, self._deps.wall()
        if not await self._deps.store.use_token(site.key, user.jti, place, until=until, now=now):
            raise Problem(401, "user_token", field="user_token", why="user_token: it was used before (jti)")
        return user

    async def _known(self, gate: SiteGate, token: Any, user: User | None, place: str) -> Response | None:
        """The answer to a token that is still good, and is that of the same user."""
        if not usable(token):
            return None
        hashed, now = token_hash(token), self._deps.wall()
        found = await self._deps.store.visitor_of(hashed, now)
        subject = user.subject if user is not None else found.subject if found is not None else None
        if found is None or found.site != gate.site.key:
            return None
        if user is not None and found.subject is None:
            return await self._signed_in(gate, str(token), found.id, user, place)
        if found.subject != subject:
            return None
        if user is not None:  # what the site says of him now
            await self._deps.store.attest(found.id, user.attributes)
        expires = now + gate.site.token_seconds
        await self._deps.store.prolong(hashed, expires)
        return await self._token(
            StoredVisitor(
                id=found.id,
                site=found.site,
                subject=found.subject,
                attributes=user.attributes if user is not None else found.attributes,
                expires_at=expires,
            ),
            token,
            place,
        )

    async def _signed_in(self, gate: SiteGate, token: str, anonymous: str, user: User, place: str) -> Response | None:
        """He talks already, and now the site says who he is: the conversation goes on as his."""
        await self._deps.refresh_bans()
        now = self._deps.wall()
        if (anonymous, place, now) in self._deps.bans:
            raise Problem(403, "banned")
        joined = await self._deps.store.sign_in(
            gate.site.key,
            token_hash(token),
            at=now,
            expires_at=now + gate.site.token_seconds,
            subject=user.subject,
            attributes=user.attributes,
        )
        if joined is None:
            return None
        _, stored = joined
        who = Visitor(id=stored.id, site=stored.site, subject=stored.subject, attributes=stored.attributes)
        await self._deps.chats.signed_in(anonymous, who)
        return await self._token(stored, token, place)

    def _check_proof(self, gate: SiteGate, proof: Any) -> None:
        bits = gate.proof_bits(self._deps.now())
        if bits == 0:
            return
        given = proof if isinstance(proof, dict) else {}
        challenge, answer = given.get("challenge"), given.get("answer")
        if not isinstance(challenge, str) or not isinstance(answer, str):
            raise Problem(403, "proof", field="proof", why="Work must be proved first.")
        if not self._deps.proofs.proved(gate.site.key, bits, challenge, answer, self._deps.wall()):
            raise Problem(403, "proof", field="proof", why="This proves no work, or it was used before.")

    async def _token(self, made: StoredVisitor, token: str, place: str) -> Response:
        await self._deps.refresh_bans()
        if (made.id, place, self._deps.wall()) in self._deps.bans:
            raise Problem(403, "banned")
        told = {
            "token": token,
            "visitor": made.id,
            "name": made.attributes.get("name") if made.subject is not None else None,
            "expires_at": made.expires_at,
        }
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    def _place(self, request: Request) -> str:
        return place_of(client_address(request.scope, self._deps.trusted_proxies))

    async def _body(self, request: Request) -> dict[str, Any]:
        if (header(request.scope["headers"], b"content-type") or "").partition(";")[0].strip() != "application/json":
            raise Problem(400, "invalid", field="Content-Type")
        raw = b""
        async for chunk in _content(request):
            raw += chunk
            if len(raw) > MAX_BODY:
                raise Problem(413, "too_large")
        try:
            body = loads(raw)
        except BadJson as bad:
            raise Problem(400, "invalid", field=bad.path or "body", why=bad.message) from None
        if not isinstance(body, dict):
            raise Problem(400, "invalid", field="body")
        return body

    # --- files ------------------------------------------------------------------------------------------

    async def _who(self, request: Request) -> tuple[Visitor, SiteGate]:
        scheme, _, token = (header(request.scope["headers"], b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not usable(token):
            raise Problem(401, "unauthorized")
        stored = await self._deps.store.visitor_of(token_hash(token), self._deps.wall())
        gate = self._deps.gates.get(stored.site) if stored is not None else None
        if stored is None or gate is None:
            raise Problem(401, "unauthorized")
        self._page_of(request, gate)
        address = client_address(request.scope, self._deps.trusted_proxies)
        await self._deps.refresh_bans()
        if (stored.id, place_of(address), self._deps.wall()) in self._deps.bans:
            raise Problem(403, "banned")
        visitor = Visitor(
            id=stored.id, site=stored.site, subject=stored.subject, attributes=stored.attributes, address=address
        )
        return visitor, gate

    def _folder(self, gate: SiteGate) -> ChatFolder:
        if self._deps.folder is None or not gate.site.files:
            raise Problem(404, "no_files")
        return self._deps.folder

    async def upload(self, request: Request) -> Response:
        """``POST /chat/api/files?name=NAME``."""
        visitor, gate = await self._who(request)
        folder = self._folder(gate)
        declared = header(request.scope["headers"], b"content-length") or "0"
        if declared.isdecimal() and int(declared[:20]) > gate.site.file_bytes:
            raise Problem(413, "too_large")
        conversation = await self._deps.chats.current(visitor)
        if conversation is None or conversation["state"] == "ended":
            raise Problem(409, "no_conversation")
        of = conversation["id"]
        if len(await self._deps.store.files_of(of)) >= gate.site.limits.files:
            raise Problem(429, "too_many_files")
        wait = gate.line(visitor.id, place_of(visitor.address), self._deps.now())
        if wait:
            raise Problem(429, "too_many", wait=wait)
        file = await self._keep(request, folder, gate.site.file_bytes, of)
        return JSONResponse({"id": file.id, "name": file.name, "type": file.type, "size": file.size}, 201)

    async def _keep(self, request: Request, folder: ChatFolder, most: int, of: str) -> ChatFile:
        kind = (header(request.scope["headers"], b"content-type") or "").partition(";")[0].strip().lower()
        plain = kind.isascii() and kind.isprintable() and 3 <= len(kind) <= 100 and kind.count("/") == 1
        try:
            got = await folder.receive(_content(request), most)
        except FileRefused as error:
            raise Problem(_FILE_STATUS[error.code], error.code) from None
        try:
            return await self._deps.store.put_file(
                of,
                id=got.id,
                name=safe_name(request.query_params.get("name", "")),
                type=kind if plain else "application/octet-stream",
                size=got.size,
                sha256=got.sha256,
                by="visitor",
                at=self._deps.wall(),
                scan="clean",
            )
        except BaseException:
            await folder.remove(got.id)
            raise

    async def download(self, request: Request) -> Response:
        """``GET /chat/api/files/{id}``: of his own conversation, clean, always as an attachment."""
        visitor, gate = await self._who(request)
        folder = self._folder(gate)
        try:
            file = await self._deps.store.file(request.path_params["id"])
            conversation = await self._deps.store.conversation(file.conversation)
        except NotFound:
            _not_there()
        if conversation.visitor != visitor.id or file.scan != "clean" or not file.kept:
            _not_there()
        content = await folder.open(file.id)
        if content is None:
            _not_there()
        headers = {
            **INERT,
            "Content-Length": str(file.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        }
        return StreamingResponse(_chunks(content), headers=headers)


def _not_there() -> NoReturn:
    raise Problem(404, "no_file")


async def _content(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            if chunk:
                yield chunk
    except ClientDisconnect:
        raise Problem(400, "cut_off") from None


async def _chunks(content: Any) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(content.read, CHUNK):
            yield chunk
    finally:
        content.close()
