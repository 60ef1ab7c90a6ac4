"""``/api/knowledge``: articles and call scripts, read by everybody, written by supervisors and administrators."""

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from agent_console.deps import ConsoleDeps
from agent_console.models import Body, Language
from agent_console.problems import Problem
from agent_console.sessions import Principal, signed_in
from interaction_log.knowledge import Draft, Text, step_of
from interaction_log.store.knowledge_store import Item, StoredKnowledge

PATH: Final = "/api/knowledge"
Names = Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=200)]
Labels = dict[Language, Annotated[str, Field(max_length=200)]]


class TextBody(Body):
    """In one language; ``body`` is Markdown."""

    title: Annotated[str, Field(max_length=200)]
    body: Annotated[str, Field(max_length=100_000)] = ""


class WayBody(Body):
    """Where a script goes on; without ``to`` it ends."""

    labels: Labels
    to: Annotated[str, Field(max_length=64)] | None = None


Ways = Annotated[list[WayBody], Field(max_length=12)]


class StepBody(Body):
    """One step of a script."""

    id: Annotated[str, Field(max_length=64)]
    texts: dict[Language, TextBody]
    fields: Names = Field(default_factory=list)
    next: Ways = Field(default_factory=list)


Steps = Annotated[list[StepBody], Field(max_length=100)]


class DraftBody(Body):
    """What is written. ``based_on``: the newest version that the writer saw; 409 if there is a newer one."""

    kind: Literal["article", "script"]
    texts: dict[Language, TextBody]
    steps: Steps = Field(default_factory=list)
    queues: Names = Field(default_factory=list)
    campaigns: Names = Field(default_factory=list)
    position: Annotated[int, Field(ge=0, le=10_000)] = 0
    based_on: Annotated[int, Field(ge=0)] | None = None

    def draft(self) -> Draft:
        """As the store takes it."""
        given = self.model_dump(exclude={"based_on", "texts", "steps"})
        texts = {language: Text(title=one.title, body=one.body) for language, one in self.texts.items()}
        return Draft(**given, texts=texts, steps=[step_of(one.model_dump()) for one in self.steps])


class Which(Body):
    """Which version."""

    version: Annotated[int, Field(ge=1)]


class KnowledgeQuery(BaseModel):
    """``drafts``: the newest versions, also those that nobody reads yet (for who writes). ``desk``: what belongs to a
    call of this ``queue`` or ``campaign``."""

    model_config = ConfigDict(extra="forbid")
    drafts: bool = False
    desk: bool = False
    queue: Annotated[str, Field(max_length=80)] | None = None
    campaign: Annotated[str, Field(max_length=80)] | None = None


class VersionQuery(BaseModel):
    """Which version; without one what is published (who writes: the newest)."""

    model_config = ConfigDict(extra="forbid")
    version: Annotated[int, Field(ge=1)] | None = None


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(tags=["knowledge"])
    if deps.knowledge is not None:
        _reading(router, deps, deps.knowledge)
        _writing(router, deps, deps.knowledge)
    return router


def _reading(router: APIRouter, deps: ConsoleDeps, stored: StoredKnowledge) -> None:
    anyone = signed_in(deps)

    @router.get(PATH)
    async def page(
        query: Annotated[KnowledgeQuery, Query()], who: Annotated[Principal, Depends(anyone)]
    ) -> dict[str, Any]:
        """All that is published, or the newest drafts, or what belongs to a call."""
        if query.desk:
            found = await stored.for_desk(query.queue, query.campaign)
        else:
            found = await stored.all(drafts=query.drafts and who.may("knowledge.write"))
        return {"items": [asdict(one) for one in found]}

    @router.get(PATH + "/{item_id}")
    async def read(
        item_id: str, query: Annotated[VersionQuery, Query()], who: Annotated[Principal, Depends(anyone)]
    ) -> dict[str, Any]:
        """One of them. Versions that were published once can be read by everybody, drafts by who writes."""
        writes = who.may("knowledge.write")
        if query.version is None and not writes:
            return asdict(await stored.published(item_id))
        found = await stored.get(item_id, query.version)
        if not writes and found.version.published_at is None:
            raise Problem(404, "There is no such thing.")
        return asdict(found)

    @router.get(PATH + "/{item_id}/versions", dependencies=[Depends(anyone)])
    async def versions(item_id: str, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """All versions, newest first."""
        found = await stored.versions(item_id)
        return {"items": [asdict(one) for one in found if one.published_at is not None or who.may("knowledge.write")]}


def _writing(router: APIRouter, deps: ConsoleDeps, stored: StoredKnowledge) -> None:
    who = signed_in(deps, "supervisor", "admin")

    @router.post(PATH, status_code=201)
    async def create(body: DraftBody, one: Annotated[Principal, Depends(who)]) -> dict[str, Any]:
        """A new article or script, as a draft."""
        return asdict(await stored.write(None, body.draft(), one.user.name))

    @router.put(PATH + "/{item_id}")
    async def write(item_id: str, body: DraftBody, one: Annotated[Principal, Depends(who)]) -> dict[str, Any]:
        """A new draft, or over the draft that there is."""
        return asdict(await stored.write(item_id, body.draft(), one.user.name, body.based_on))

    @router.post(PATH + "/{item_id}/publish")
    async def publish(item_id: str, body: Which, one: Annotated[Principal, Depends(who)]) -> dict[str, Any]:
        """Let agents read this version."""
        found = await stored.publish(item_id, body.version, one.user.name)
        _told(deps, one, "publish_knowledge", found)
        return asdict(found)

    @router.post(PATH + "/{item_id}/retire")
    async def retire(item_id: str, one: Annotated[Principal, Depends(who)]) -> dict[str, Any]:
        """Nobody shall find it any more."""
        found = await stored.retire(item_id)
        _told(deps, one, "retire_knowledge", found)
        return asdict(found)


def _told(deps: ConsoleDeps, who: Principal, action: str, item: Item) -> None:
    deps.live.administered(who.user.name, action, item.id, {"version": str(item.version.n)})
