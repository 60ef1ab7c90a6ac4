"""``/api/held-mail``: letters of who writes too much, which nobody is asked to answer yet (``docs/mail.md``)."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends

from agent_console.chats import HeldMail
from agent_console.deps import ConsoleDeps
from agent_console.sessions import Principal, signed_in


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a mailbox."""
    router = APIRouter(prefix="/api/held-mail", tags=["chats"])
    if deps.chats is not None and deps.chats.held is not None:
        _routes(router, deps, deps.chats.held)
    return router


def _routes(router: APIRouter, deps: ConsoleDeps, held: HeldMail) -> None:
    overseer = signed_in(deps, "supervisor", "admin")

    @router.get("", dependencies=[Depends(overseer)])
    async def held_mail() -> dict[str, Any]:
        """The oldest first."""
        return {"items": await held.views()}

    @router.post("/{contact_id}/{what}", status_code=204)
    async def decide(
        contact_id: str, what: Literal["let-in", "dismiss"], who: Annotated[Principal, Depends(overseer)]
    ) -> None:
        """``let-in``: it waits for an agent from now on. ``dismiss``: nobody is to answer it; it is kept."""
        if what == "let-in":
            await held.let_in(contact_id, who.user.display_name)
        else:
            await held.dismiss(contact_id)
        deps.live.administered(who.user.name, f"held_mail_{what.replace('-', '_')}", contact_id, {})
