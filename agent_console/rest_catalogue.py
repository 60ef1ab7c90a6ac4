"""``/api/queues``, ``/api/pause-reasons``, ``/api/dispositions``, ``/api/skills``, ``/api/campaigns``.

All read, administrators edit.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends

from agent_console.choices import Choices
from agent_console.deps import ConsoleDeps
from agent_console.models import CampaignChange, ChoiceChange, Code, QueueChange, QueueName
from agent_console.ports import Topic
from agent_console.problems import Problem
from agent_console.sessions import signed_in
from interaction_log.records import Campaign, Choice, QueueSettings


def routes(deps: ConsoleDeps, kept: Choices) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api", tags=["catalogue"])
    _queues(router, deps)
    catalogue = deps.catalogue
    _choices(router, deps, kept, "pause_reasons", catalogue.pause_reasons, catalogue.put_pause_reason)
    _choices(router, deps, kept, "dispositions", catalogue.dispositions, catalogue.put_disposition)
    _choices(router, deps, kept, "skills", catalogue.skills, catalogue.put_skill)
    _campaigns(router, deps, kept)
    return router


def _campaigns(router: APIRouter, deps: ConsoleDeps, kept: Choices) -> None:
    @router.get("/campaigns", dependencies=[Depends(signed_in(deps))])
    async def campaigns() -> dict[str, Any]:
        """What calls are made for, in order; the retired ones too."""
        return {"items": [asdict(one) for one in await deps.catalogue.campaigns()]}

    @router.put("/campaigns/{code}", dependencies=[Depends(signed_in(deps, "admin"))])
    async def put_campaign(code: Code, body: CampaignChange) -> dict[str, Any]:
        """Create or replace one."""
        campaign = Campaign(code=code, **{**body.model_dump(), "labels": dict(body.labels)})
        await deps.catalogue.put_campaign(campaign)
        deps.live.changed("campaigns", code)
        await kept.changed()
        return asdict(campaign)


def _queues(router: APIRouter, deps: ConsoleDeps) -> None:
    @router.get("/queues", dependencies=[Depends(signed_in(deps))])
    async def queues() -> dict[str, Any]:
        """The queues and their settings."""
        return {"items": [asdict(queue) for queue in await deps.catalogue.queues()]}

    @router.put("/queues/{name}", dependencies=[Depends(signed_in(deps, "admin"))])
    async def put_queue(name: QueueName, body: QueueChange) -> dict[str, Any]:
        """Set the settings of a queue."""
        queues = [queue for queue in await deps.catalogue.queues() if queue.name == name]
        pbx = body.pbx or next((queue.pbx for queue in queues), None)
        if pbx is None:
            raise Problem(400, "The request is not valid.", [("pbx", "is needed for a queue that is not known yet")])
        known = next((queue for queue in queues if queue.pbx == pbx), None)
        queue = QueueSettings(
            name=name,
            pbx=pbx,
            skills=_skills(body, known),
            skill_members=(known is not None and known.skill_members)
            if body.skill_members is None
            else body.skill_members,
            label=body.label,
            service_level_seconds=body.service_level_seconds,
            wrap_up_seconds=body.wrap_up_seconds,
        )
        await deps.catalogue.put_queue(queue)
        deps.live.changed("queues", name)
        return asdict(queue)


def _skills(body: QueueChange, known: QueueSettings | None) -> dict[str, dict[str, int]]:
    if body.skills is not None:
        return {skill: {str(level): n for level, n in table.items()} for skill, table in body.skills.items()}
    return known.skills if known is not None else {}


def _choices(
    router: APIRouter,
    deps: ConsoleDeps,
    kept: Choices,
    topic: Topic,
    read: Callable[[], Awaitable[list[Choice]]],
    put: Callable[[Choice], Awaitable[None]],
) -> None:
    path = f"/{topic.replace('_', '-')}"

    @router.get(path, name=topic, dependencies=[Depends(signed_in(deps))])
    async def choices() -> dict[str, Any]:
        """All of them, in their order; the retired ones too."""
        found = sorted(await read(), key=lambda c: (c.position, c.code))
        return {"items": [asdict(choice) for choice in found]}

    @router.put(f"{path}/{{code}}", name=f"put_{topic}", dependencies=[Depends(signed_in(deps, "admin"))])
    async def put_choice(code: Code, body: ChoiceChange) -> dict[str, Any]:
        """Create or replace one."""
        choice = Choice(
            code=code,
            labels=dict(body.labels),
            queues=body.queues,
            position=body.position,
            retired=body.retired,
        )
        await put(choice)
        deps.live.changed(topic, code)
        await kept.changed()
        return asdict(choice)
