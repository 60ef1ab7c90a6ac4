"""``GET /api/chat-sites``: the sites whose pages have a chat. Nothing is changed here: they are the configuration's."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from agent_console.deps import ConsoleDeps
from agent_console.sessions import Principal, signed_in


def routes(deps: ConsoleDeps) -> APIRouter:
    """The route; none without chats."""
    router = APIRouter(tags=["chats"])
    chats = deps.chats
    if chats is None or chats.sites is None:
        return router
    sites = chats.sites

    @router.get("/api/chat-sites")
    async def chat_sites(request: Request, who: Annotated[Principal, Depends(signed_in(deps))]) -> dict[str, Any]:
        """What is configured, never a secret; what comes from there; and the line for the site's pages."""
        address = (deps.public_url or str(request.base_url)).rstrip("/")
        return {"items": await sites.views(address)}

    return router
