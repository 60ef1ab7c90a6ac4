"""``/api/voicemail``: the messages that callers left, to be heard."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from agent_console.deps import ConsoleDeps
from agent_console.files import respond
from agent_console.mailbox import audio
from agent_console.problems import Problem
from agent_console.sessions import Principal, signed_in
from interaction_log.messages import StoredMessage
from routing.ports import Missed

GONE = "The message is not in the voicemail folder any more."


def message_view(one: StoredMessage) -> dict[str, Any]:
    """A message as REST shows it; ``audio``: whether it can be heard. Where its file is stays inside."""
    return {
        "id": one.id,
        "interaction_id": one.interaction_id,
        "mailbox": one.mailbox,
        "at": one.at,
        "seconds": one.seconds,
        "audio": one.file is not None,
        "heard_by": one.heard_by,
        "heard_at": one.heard_at,
    }


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(prefix="/api/voicemail", tags=["missed calls"])
    if deps.missed is not None:
        _routes(router, deps, deps.missed)
    return router


def _routes(router: APIRouter, deps: ConsoleDeps, missed: Missed) -> None:
    anyone = signed_in(deps)

    @router.get("/{message_id}/audio", dependencies=[Depends(anyone)])
    @router.head("/{message_id}/audio", dependencies=[Depends(anyone)], include_in_schema=False)
    async def sound(message_id: str, request: Request) -> Response:
        """The sound, with ranges; 404 where the message, its file or the right to hear the mailbox is missing."""
        one = await missed.message(message_id)
        folder = deps.voicemail(one.pbx, one.mailbox)
        if folder is None or one.file is None:
            raise Problem(404, GONE)
        name = await asyncio.to_thread(audio, folder, one.mailbox, one.file, one.pbx_id)
        if name is None:
            raise Problem(404, GONE)
        return await respond(request, folder, name)

    @router.post("/{message_id}/heard")
    async def heard(message_id: str, who: Annotated[Principal, Depends(anyone)]) -> dict[str, Any]:
        """It is being played; who did so first stays on record."""
        return message_view(await missed.heard(message_id, who.user.name, deps.wall()))
