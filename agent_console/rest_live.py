"""``/api/agents``, ``/api/devices``, ``/api/health``, ``/api/gaps``: the state of this moment."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from agent_console.deps import ConsoleDeps
from agent_console.health import Health
from agent_console.models import PageQuery
from agent_console.problems import Problem
from agent_console.rest import capped
from agent_console.sessions import Principal, may, sight_of, signed_in


def routes(deps: ConsoleDeps, health: Health) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api", tags=["live"])
    overseer = Depends(signed_in(deps, "supervisor", "admin"))

    @router.get("/agents")
    async def agents(who: Annotated[Principal, Depends(may(deps, "live.read"))]) -> dict[str, Any]:
        """Every agent in sight as she is now."""
        sight = await sight_of(deps, who.user)
        return {"items": [agent for agent in deps.live.agents() if sight.sees_agent(agent["agent"])]}

    @router.get("/agents/{name}/why")
    async def why(name: str, who: Annotated[Principal, Depends(signed_in(deps))]) -> dict[str, Any]:
        """Why this agent gets no calls. One may ask about oneself; supervisors about everybody."""
        seen = name == who.user.name or (who.may("live.read") and (await sight_of(deps, who.user)).sees_agent(name))
        if not seen:
            deps.live.attempted(who.user.name, "GET /api/agents/{name}/why")
            raise Problem(403, "Your role does not allow this.")
        found = deps.live.why(name)
        if found is None:
            raise Problem(404, "There is no such agent.")
        return dict(found)

    @router.get("/devices", dependencies=[overseer])
    async def devices() -> dict[str, Any]:
        """Every phone that the PBXs told us of."""
        return {"items": deps.live.devices()}

    @router.get("/health", dependencies=[overseer])
    async def parts() -> dict[str, Any]:
        """Every part of the program with its state."""
        return {
            "version": deps.version,
            "consoles": len(deps.consoles.all()),
            "parts": [asdict(part) for part in await health.parts()],
        }

    @router.get("/gaps", dependencies=[Depends(signed_in(deps))])
    async def gaps(query: Annotated[PageQuery, Query()]) -> dict[str, Any]:
        """The times in which a PBX could not be heard, newest first."""
        return {"items": await deps.interactions.gaps(capped(query.limit))}

    return router
