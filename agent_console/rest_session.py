"""``/api/session``: sign in, who am I, sign out."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from agent_console.deps import ConsoleDeps
from agent_console.models import SignIn
from agent_console.problems import Problem
from agent_console.sessions import COOKIE, Principal, check_page, signed_in
from interaction_log.records import User
from interaction_log.rights import rights_of
from interaction_log.web.limits import Window
from interaction_log.web.origin import client_address

WRONG = "The name or the password is not right."
CHECKS_AT_ONCE = 2  # a password check is meant to be slow; two cores shall not be all that they take
CHECKS_WAITING = 40
FAILURES_PER_MINUTE = 100  # of one address, whatever the names; a whole office may sign in from one


def user_view(user: User) -> dict[str, Any]:
    """A user as REST shows her."""
    return {
        "name": user.name,
        "display_name": user.display_name,
        "role": user.role,
        "devices": list(user.devices),
        "language": user.language,
        "disabled": user.disabled,
        "version": user.version,
        "skills": dict(user.skills),
        "own_role": user.own_role,
        "teams": list(user.teams),
        "rights": sorted(rights_of(user)),
    }


class PasswordChecks:
    """Sign-in attempts, limited per name and address; few checks at once, and few that wait."""

    def __init__(self, deps: ConsoleDeps):
        self._deps = deps
        self._attempts = Window(deps.sign_ins_per_minute, 60.0)
        self._failures = Window(FAILURES_PER_MINUTE, 60.0)
        self._gate = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._waiting = 0

    async def user(self, name: str, password: str, address: str) -> User:
        """The user; 401 with one text for every reason, 429 with ``Retry-After``."""
        key = f"{name[:64].casefold()}\n{address}"
        now = self._deps.now()
        wait = max(self._failures.wait(address, now), self._attempts.attempt(key, now))
        if wait > 0:
            raise too_many(wait)
        if self._waiting >= CHECKS_WAITING:
            raise too_many(2.0)
        self._waiting += 1
        try:
            async with self._gate:
                user = await self._deps.users.check_password(name, password)
        finally:
            self._waiting -= 1
        if user is None or user.disabled:
            self._failures.count(address, now)
            raise Problem(401, WRONG)
        self._attempts.forget(key)
        return user


def too_many(wait: float) -> Problem:
    """429: come back in ``wait`` seconds."""
    seconds = max(1, round(wait + 0.5))
    return Problem(429, "Too many attempts; please wait.", headers={"Retry-After": str(seconds)})


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/session", tags=["session"])
    checks = PasswordChecks(deps)
    anyone = signed_in(deps)

    @router.post("")
    async def sign_in(request: Request, response: Response, body: SignIn) -> dict[str, Any]:
        """A new session: the token for programs, an HttpOnly cookie for the browser."""
        refusal = check_page(request.scope["headers"], None, deps.public_url)
        if refusal is not None:
            raise Problem(403, refusal)
        address = client_address(request.scope, deps.trusted_proxies)
        user = await checks.user(body.username, body.password, address)
        token = await deps.users.open_session(user.name, deps.session_seconds)
        response.set_cookie(
            COOKIE,
            token,
            max_age=int(deps.session_seconds),
            path="/",
            secure=deps.secure_cookie,
            httponly=True,
            samesite="strict",
        )
        return {"token": token, "user": user_view(user)}

    @router.get("")
    async def who_am_i(who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """The user of this session."""
        return {"user": user_view(who.user)}

    @router.delete("", status_code=204)
    async def sign_out(response: Response, who: Annotated[Principal, Depends(anyone)]) -> None:
        """End this session and every console that it opened."""
        await deps.users.close_session(who.token)
        deps.consoles.cut_where(lambda console: console.token == who.token, "signed out")
        response.delete_cookie(COOKIE, path="/", secure=deps.secure_cookie, httponly=True, samesite="strict")

    return router
