"""``/api/missed``: the calls that nobody took, and who calls back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from agent_console.deps import ConsoleDeps
from agent_console.lines import CallbackView
from agent_console.models import MissedQuery, MissedWork
from agent_console.rest import capped
from agent_console.rest_voicemail import message_view
from agent_console.sessions import Principal, signed_in
from interaction_log.missed import MissedCall, Work
from interaction_log.records import Conflict, NotFound
from routing.ports import Missed

PROMISED = "This caller was promised a callback: cancel it first, or wait until its turn comes."


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
        pending = _pending(deps)
        items = [await _with_text(deps, _view(one, pending)) for one in found.items]
        return {"items": items, "next": found.next, "open": found.open, "calling": found.calling}

    @router.get("/{interaction_id}", dependencies=[Depends(anyone)])
    async def one(interaction_id: str) -> dict[str, Any]:
        """One entry, by the first missed interaction."""
        return await _with_text(deps, _view(await missed.get(interaction_id), _pending(deps)))

    @router.post("/{interaction_id}")
    async def work(interaction_id: str, body: MissedWork, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """Take it, give it back, or close it; 409 when somebody else was faster, or the PBX calls back by itself."""
        pending = _pending(deps)
        if body.state == "calling" and (await missed.get(interaction_id)).number in pending:
            raise Conflict(PROMISED)
        done = Work(
            by=who.user.name,
            at=deps.wall(),
            state=body.state,
            version=body.version,
            result=body.result,
            note=body.note,
            oversees=who.oversees,
        )
        return await _with_text(deps, _view(await missed.work(interaction_id, done), pending))


async def _with_text(deps: ConsoleDeps, entry: dict[str, Any]) -> dict[str, Any]:
    """With what a visitor wrote, and the address that he typed, where it is a message from a web site."""
    if deps.chats is None or entry["number"] is not None or entry["outcome"] != "voicemail" or entry["messages"]:
        return entry
    try:
        written = await deps.chats.written(entry["id"])
    except NotFound:
        return entry
    return {**entry, "kind": "chat", "text": written.text, "reply_to": written.reply_to}


def _pending(deps: ConsoleDeps) -> dict[str | None, CallbackView]:
    """The promised callbacks by number, the first in line of each."""
    promised = deps.lines.promised() if deps.lines is not None else []
    return {one["number"]: one for one in reversed(promised)}


def _view(one: MissedCall, pending: Mapping[str | None, CallbackView]) -> dict[str, Any]:
    messages = [message_view(message) for message in one.messages]
    kind = "voicemail" if messages else "call"
    return {**asdict(one), "kind": kind, "messages": messages, "callback": pending.get(one.number)}
