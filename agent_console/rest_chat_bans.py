"""``/api/chat-bans``: visitors and addresses that may not chat for a time. Every change is in the audit trail."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Query
from pydantic import Field, model_validator

from agent_console.chat_bans import ChatBans, view
from agent_console.chats import ChatAccess
from agent_console.deps import ConsoleDeps
from agent_console.models import Body
from agent_console.models import Query as Asked
from agent_console.problems import Problem
from agent_console.rest_interactions import may_read
from agent_console.sessions import Principal, signed_in
from interaction_log.chats import Ban, BanKind
from interaction_log.records import NotFound

MOST_HOURS = 8_760.0
"""A year."""


class BanBody(Body):
    """Whom: the visitor of a chat, or all who come from an address (IPv6: its /64). ``why``: for colleagues."""

    interaction_id: Annotated[str, Field(max_length=64)] | None = None
    address: Annotated[str, Field(max_length=64)] | None = None
    hours: Annotated[float, Field(gt=0, le=MOST_HOURS)] = 24.0
    why: Annotated[str, Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.interaction_id is None) == (self.address is None):
            raise ValueError("address: give a chat or an address, not both")
        return self


class LiftQuery(Asked):
    """Which ban, as the list names it."""

    kind: Literal["visitor", "address"]
    value: Annotated[str, Field(min_length=1, max_length=80)]


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without visitors."""
    router = APIRouter(prefix="/api/chat-bans", tags=["chats"])
    if deps.chats is not None and deps.chats.bans is not None:
        _bans(router, deps, deps.chats, deps.chats.bans)
    return router


def _bans(router: APIRouter, deps: ConsoleDeps, access: ChatAccess, kept: ChatBans) -> None:
    reader = signed_in(deps)

    @router.get("", dependencies=[Depends(reader)])
    async def bans() -> dict[str, Any]:
        """Those that stand."""
        return {"items": [view(one) for one in await access.stored.bans(deps.wall())]}

    @router.post("", status_code=201)
    async def ban(body: BanBody, who: Annotated[Principal, Depends(reader)]) -> dict[str, Any]:
        """Set one; the same again replaces it. A visitor is cut at once, and his conversation ends."""
        kind, value = await _whom(deps, access, kept, body, who)
        at = deps.wall()
        one = Ban(kind=kind, value=value, until=at + body.hours * 3_600, by=who.user.name, at=at, why=body.why.strip())
        await access.stored.ban(one)
        kept.changed(one)
        deps.live.administered(who.user.name, "ban_visitor", _subject(one.kind, value), {"hours": f"{body.hours:g}"})
        return view(one)

    @router.delete("", status_code=204)
    async def lift(ban: Annotated[LiftQuery, Query()], who: Annotated[Principal, Depends(reader)]) -> None:
        """End one."""
        await access.stored.lift_ban(ban.kind, ban.value)
        kept.changed(None)
        deps.live.administered(who.user.name, "lift_ban", _subject(ban.kind, ban.value), {})


def _subject(kind: BanKind, value: str) -> str:
    """In the trail, which nobody can erase: an address says who somebody is, a visitor's id is random."""
    return value if kind == "visitor" else "address"


async def _whom(
    deps: ConsoleDeps, access: ChatAccess, kept: ChatBans, body: BanBody, who: Principal
) -> tuple[BanKind, str]:
    if body.address is not None:
        place = kept.place(body.address.strip())
        if place is None:
            raise Problem(400, "The request is not valid.", [("address", "is not an address")])
        return "address", place
    of = body.interaction_id or ""
    if not access.concerned(who.user.name, of):
        item = await deps.interactions.get(of)
        if item.get("channel") != "chat" or not await may_read(deps, item, who):
            raise NotFound(of)
    return "visitor", (await access.stored.conversation(await access.conversation(of))).visitor
