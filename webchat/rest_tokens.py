"""``POST /chat/api/visitor``: who a visitor is from now on."""

from __future__ import annotations

import secrets
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from interaction_log.chats import StoredVisitor
from interaction_log.web.origin import header
from interaction_log.web.strict_json import BadJson, loads
from webchat.asked import Asked, Problem, content_of
from webchat.gate import SiteGate
from webchat.ports import Visitor
from webchat.tokens import LEEWAY, BadToken, User, token_hash, usable, user_of

MAX_BODY: Final = 16 * 1024


class VisitorTokens(Asked):
    """Tokens of visitors: new ones, prolonged ones, and those of users whom a site vouches for."""

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

    async def _body(self, request: Request) -> dict[str, Any]:
        if (header(request.scope["headers"], b"content-type") or "").partition(";")[0].strip() != "application/json":
            raise Problem(400, "invalid", field="Content-Type")
        raw = b""
        async for chunk in content_of(request):
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
