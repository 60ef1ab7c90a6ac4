"""``/api/recordings/{id}``: the audio of a recorded call, by an opaque id; every listening is on record."""

import logging
import re
from collections import OrderedDict
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from agent_console.deps import ConsoleDeps
from agent_console.files import respond
from agent_console.problems import Problem
from agent_console.recordings import RecordingAccess
from agent_console.rest_interactions import is_hers, may_read
from agent_console.sessions import Principal, signed_in
from interaction_log.recordings import RecordingFile
from interaction_log.records import AuditEntry, NotFound

LOG = logging.getLogger(__name__)
ROUTE: Final = "/api/recordings/{recording_id}"
ONE_LISTENING_SECONDS: Final = 300.0
"""A player asks for many ranges; within so long they are one listening."""
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_KEPT: Final = 5_000


class Listenings:
    """Who listened to what just now, so that one listening is one entry of the trail."""

    def __init__(self, deps: ConsoleDeps, access: RecordingAccess) -> None:
        self._deps, self._access = deps, access
        self._begun: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def note(self, who: str, one: RecordingFile) -> None:
        """On disk before a byte is sent; 503 where that cannot be."""
        key, now = (who, one.id), self._deps.now()
        if now - self._begun.get(key, float("-inf")) < ONE_LISTENING_SECONDS:
            return
        entry = AuditEntry(
            at=self._deps.wall(),
            actor=who,
            action="play_recording",
            subject=one.id,
            outcome="accepted",
            details={"interaction_id": one.interaction_id, "queue": one.queue or ""},
        )
        try:
            await self._access.audit.append(entry)
        except Exception:
            LOG.exception("the audit trail cannot be written")
            raise Problem(503, "This cannot be put on record now, so it is not played.") from None
        self._begun[key] = now
        while len(self._begun) > _KEPT:
            self._begun.popitem(last=False)


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a folder of recordings."""
    router = APIRouter(tags=["recordings"])
    if deps.recordings is not None:
        _routes(router, deps, deps.recordings)
    return router


def _routes(router: APIRouter, deps: ConsoleDeps, access: RecordingAccess) -> None:
    listenings = Listenings(deps, access)

    @router.head(ROUTE, include_in_schema=False)
    @router.get(ROUTE, response_class=Response)
    async def audio(
        recording_id: str, request: Request, who: Annotated[Principal, Depends(signed_in(deps))]
    ) -> Response:
        """The audio; ``Range`` is understood. 404 also for a call that is not yours; 409 while it is written."""
        if not _ID.fullmatch(recording_id):
            raise NotFound(recording_id)
        one = await access.stored.get(recording_id)
        await _allow(deps, access, who, one)
        if one.running:
            raise Problem(409, "This call is still being recorded.")
        if one.deleted_at is not None:
            raise Problem(410, "This recording was deleted when its time was over.")
        place = access.places.find(one) if one.file else None
        if place is None:
            raise Problem(404, "There is no such file.")
        if request.method == "GET":
            await listenings.note(who.user.name, one)
        key = await access.keys.key(one.id) if access.keys is not None else None
        return await respond(request, *place, key=key, of=one.id)


async def _allow(deps: ConsoleDeps, access: RecordingAccess, who: Principal, one: RecordingFile) -> None:
    """Who has the right, of contacts in her sight; the call's own agent where the site lets her."""
    item = await deps.interactions.get(one.interaction_id)
    if who.may("recordings.hear") and await may_read(deps, item, who):
        return
    own = await is_hers(deps, item, who.user)
    if own and access.agents_may_listen:
        return
    deps.live.attempted(who.user.name, f"GET {ROUTE}")
    if own:
        raise Problem(403, "Agents do not hear recordings here; a supervisor may.")
    raise NotFound(one.id)
