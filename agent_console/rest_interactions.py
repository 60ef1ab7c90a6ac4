"""``/api/interactions``: the log, newest first. An agent sees the contacts that she had."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from agent_console.deps import ConsoleDeps
from agent_console.models import MAX_PAGE, InteractionQuery
from agent_console.problems import Problem
from agent_console.rest import capped, moment
from agent_console.sessions import Principal, sight_of, signed_in
from interaction_log.records import NotFound, User
from interaction_log.rights import EVERYTHING


async def is_hers(deps: ConsoleDeps, item: Mapping[str, Any], user: User) -> bool:
    """Whether this contact is in the user's own list, at whichever phone she sat then."""
    at = item.get("started_at")
    if at is None:
        return False
    start, end = math.nextafter(at, -math.inf), math.nextafter(at, math.inf)
    cursor = None
    while True:
        page = await deps.interactions.page(
            start=start, end=end, queue=None, agent=user.name, customer_id=None, limit=MAX_PAGE, cursor=cursor
        )
        if any(found["id"] == item["id"] for found in page.items):
            return True
        if page.next is None:
            return False
        cursor = page.next


async def may_read(deps: ConsoleDeps, item: Mapping[str, Any], who: Principal) -> bool:
    """Whether she may see this contact: her own, or one that is in sight of who oversees."""
    if not who.oversees:
        return await is_hers(deps, item, who.user)
    sight = await sight_of(deps, who.user)
    return sight.everything or await deps.interactions.in_sight(item["id"], sight)


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/interactions", tags=["interactions"])
    anyone = signed_in(deps)

    @router.get("")
    async def page(
        query: Annotated[InteractionQuery, Query()], who: Annotated[Principal, Depends(anyone)]
    ) -> dict[str, Any]:
        """Interactions, newest first."""
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
            sight=await sight_of(deps, who.user) if who.oversees else EVERYTHING,
        )
        return {"items": found.items, "next": found.next}

    @router.get("/{interaction_id}")
    async def one(interaction_id: str, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """One interaction; 404 also for one that is not yours to see."""
        item = await deps.interactions.get(interaction_id)
        if not await may_read(deps, item, who):
            raise NotFound(interaction_id)
        return item

    @router.get("/{interaction_id}/decisions")
    async def decisions(interaction_id: str, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """Whom the distributor asked for this contact, why, and why not others; empty for calls, which the PBX
        distributes. 404 for one that is not yours to see."""
        if not await may_read(deps, await deps.interactions.get(interaction_id), who):
            raise NotFound(interaction_id)
        return {"items": await deps.interactions.decisions(interaction_id)}

    return router
