"""``/api/waiting``: callers whom an agent may pick up. ``/api/callbacks``: promises, and calling one off."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from agent_console.deps import ConsoleDeps
from agent_console.lines import CallbackView, Lines
from agent_console.models import CallbackQuery, CallbackWish
from agent_console.rest import capped
from agent_console.sessions import Principal, signed_in

NAMES_SECONDS = 60.0
"""How long a name that was looked up for a number is shown without asking again."""


class Names:
    """Names of customers by their numbers, asked for once a minute at most."""

    def __init__(self, deps: ConsoleDeps) -> None:
        self._deps = deps
        self._known: dict[str, tuple[float, str | None]] = {}

    async def of(self, number: str) -> str | None:
        """Who has this number; ``None``: nobody, or it is not sure."""
        now = self._deps.now()
        known = self._known.get(number)
        if known is not None and now - known[0] < NAMES_SECONDS:
            return known[1]
        match = await self._deps.customers.find_caller(number)
        sure = match.customer if match.strength == "known" else None
        name = str(sure["name"]) if sure is not None else None
        self._known = {n: one for n, one in self._known.items() if now - one[0] < NAMES_SECONDS} | {number: (now, name)}
        return name


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a hub that knows."""
    router = APIRouter(prefix="/api", tags=["who waits"])
    if deps.lines is not None:
        _waiting(router, deps, deps.lines)
        _callbacks(router, deps, deps.lines)
    return router


def _waiting(router: APIRouter, deps: ConsoleDeps, lines: Lines) -> None:
    @router.get("/waiting")
    async def waiting(who: Annotated[Principal, Depends(signed_in(deps))]) -> dict[str, Any]:
        """The callers who wait in this agent's queues now, the longest first."""
        return {"items": lines.waiting(who.user.name)}


def _callbacks(router: APIRouter, deps: ConsoleDeps, lines: Lines) -> None:
    anyone, names = signed_in(deps), Names(deps)

    async def named(one: CallbackView) -> dict[str, Any]:
        return {**one, "customer_name": await names.of(one["number"])}

    @router.get("/callbacks", dependencies=[Depends(anyone)])
    async def callbacks(query: Annotated[CallbackQuery, Query()]) -> dict[str, Any]:
        """Open promises in order of their places; ``state=closed``: those that are over, newest first."""
        promised = lines.promised()
        found = await lines.past(capped(query.limit)) if query.state == "closed" else promised[: capped(query.limit)]
        return {"items": [await named(one) for one in found], "open": len(promised)}

    @router.post("/callbacks", status_code=201)
    async def promise(wish: CallbackWish, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """Promise a call: it stands in the line of the queue's chats, and an agent is asked when it is its turn."""
        made = await lines.promise(wish.number, wish.pbx, wish.queue, wish.name, wish.not_before)
        deps.live.administered(who.user.name, "callback_promised", made["id"], {"queue": wish.queue, "pbx": wish.pbx})
        return await named(made)

    @router.post("/callbacks/{callback_id}/cancel")
    async def cancel(callback_id: str, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """Call it off; 409 while the customer is being called."""
        return await named(await lines.cancel(callback_id, who.user.name))
