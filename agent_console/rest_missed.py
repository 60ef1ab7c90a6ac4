"""``/api/missed``: the calls that nobody took, and who calls back."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from agent_console.deps import ConsoleDeps
from agent_console.models import MissedQuery, MissedWork
from agent_console.rest import capped
from agent_console.sessions import Principal, signed_in
from interaction_log.missed import Work
from routing.ports import Missed


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(prefix="/api/missed", tags=["missed calls"])
    if deps.missed is not None:
        _routes(router, deps, deps.missed)
    return router


def _routes(router: APIRouter, deps: ConsoleDeps, missed: Missed) -> None:
    anyone = signed_in(deps)

    @router.get("", dependencies=[Depends(anyone)])
    async def page(query: Annotated[MissedQuery, Query()]) -> dict[str, Any]:
        """Missed calls, newest first, one entry for each number; without ``state`` those that are to be done."""
        found = await missed.page(
            state=query.state, queue=query.queue, limit=capped(query.limit), cursor=query.cursor, now=deps.wall()
        )
        items = [asdict(one) for one in found.items]
        return {"items": items, "next": found.next, "open": found.open, "calling": found.calling}

    @router.get("/{interaction_id}", dependencies=[Depends(anyone)])
    async def one(interaction_id: str) -> dict[str, Any]:
        """One entry, by the first missed interaction."""
        return asdict(await missed.get(interaction_id))

    @router.post("/{interaction_id}")
    async def work(interaction_id: str, body: MissedWork, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """Take it, give it back, or close it; 409 when somebody else was faster."""
        done = Work(
            by=who.user.name,
            at=deps.wall(),
            state=body.state,
            version=body.version,
            result=body.result,
            note=body.note,
            oversees=who.oversees,
        )
        return asdict(await missed.work(interaction_id, done))
