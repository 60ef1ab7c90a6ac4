"""``/api/phone``: whether the signed-in person's telephone is this browser, and what it registers with."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from agent_console.deps import ConsoleDeps
from agent_console.phones import account_of
from agent_console.sessions import Principal, signed_in


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api", tags=["phone"])

    @router.get("/phone")
    async def phone(who: Annotated[Principal, Depends(signed_in(deps))]) -> dict[str, Any]:
        """``kind`` is ``browser`` or ``desk``; only with ``browser`` there is an account.

        The password is this person's own; the answer is never stored by a cache.
        """
        account = account_of(deps.browser_phones, who.user.devices)
        if account is None:
            return {"kind": "desk"}
        return {
            "kind": "browser",
            "device": account.device,
            "sip_uri": account.sip_uri,
            "username": account.username,
            "password": account.password,
            "ws_path": account.ws_path,
            "pbx": account.pbx,
        }

    return router
