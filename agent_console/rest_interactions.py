"""``/api/interactions``: the log. An agent sees the contacts that she had or was asked to take."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from agent_console.deps import ConsoleDeps
from agent_console.models import InteractionQuery
from agent_console.problems import Problem
from agent_console.rest import capped, moment
from agent_console.sessions import Principal, signed_in
from interaction_log.records import NotFound, User


def concerns(item: Mapping[str, Any], user: User) -> bool:
    """Whether one of the user's phones (or she by name) was offered or had this contact."""
    mine = {*user.devices, user.name}
    return any(part.get("agent") in mine for key in ("offers", "segments") for part in item.get(key) or ())


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/interactions", tags=["interactions"])
    anyone = signed_in(deps)

    @router.get("")
    async def page(
        query: Annotated[InteractionQuery, Query()], who: Annotated[Principal, Depends(anyone)]
    ) -> dict[str, Any]:
        """Interactions in order of start, oldest first within the page's order of the log."""
        if not who.oversees and query.agent not in (None, who.user.name):
            raise Problem(403, "You can only ask for your own interactions.", [("agent", "is not you")])
        found = await deps.interactions.page(
            start=moment("from", query.start),
            end=moment("to", query.end),
            queue=query.queue,
            agent=query.agent if who.oversees else who.user.name,
            customer_id=query.customer_id,
            limit=capped(query.limit),
            cursor=query.cursor,
        )
        return {"items": found.items, "next": found.next}

    @router.get("/{interaction_id}")
    async def one(interaction_id: str, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """One interaction; 404 also for one that is not yours to see."""
        item = await deps.interactions.get(interaction_id)
        if not who.oversees and not concerns(item, who.user):
            raise NotFound(interaction_id)
        return item

    return router
