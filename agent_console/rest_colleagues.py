"""``/api/colleagues``: who could take a call over now."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from agent_console.deps import ConsoleDeps
from agent_console.sessions import Principal, signed_in


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api", tags=["live"])

    @router.get("/colleagues")
    async def colleagues(who: Annotated[Principal, Depends(signed_in(deps))]) -> dict[str, Any]:
        """Everybody else who is signed in at a telephone, with name and state and nothing more."""
        others = [a for a in deps.live.agents() if a["agent"] != who.user.name and a["devices"]]
        there = [a for a in others if a["state"] != "LOGGED_OUT"]
        return {"items": [{"agent": a["agent"], "name": a["name"], "state": a["state"]} for a in there]}

    return router
