"""How a conversation ends: as an interaction in the log, and in the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from interaction_log import events as e
from interaction_log.chats import ChatChanges
from interaction_log.devices import CONSOLE
from interaction_log.records import NotFound
from webchat.wire import Ending as EndedBy

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

log = logging.getLogger(__name__)
RETRY_SECONDS: Final = (1.0, 5.0, 30.0, 120.0)
"""Between the tries to write that a conversation is over."""
ENDED_BY: Final[dict[EndedBy, e.EndedBy]] = {"visitor": "customer", "agent": "agent"}
"""All others are the system's."""


_RESULTS: Final[dict[e.Outcome | None, e.QueueResult]] = {"timeout": "timeout", "voicemail": "left"}


class Ending:
    """Ends conversations; whatever ended one, the store hears it from the interaction's end."""

    def __init__(self, rooms: Rooms, store: StoredChats) -> None:
        self._rooms, self._store, self._hub = rooms, store, rooms.hub
        self.pause: Callable[[float], Awaitable[None]] = asyncio.sleep
        self.kept: Callable[[str], Awaitable[None]] = _nobody
        """Who must know that the store has heard of a conversation's end."""
        rooms.on_end.append(self._keep)

    def end(self, room: Room, by: EndedBy, outcome: e.Outcome | None = None) -> None:
        """End it now; one that is over stays as it ended. ``outcome``: of one that nobody answered."""
        one = self._hub.distributor.interactions.get(room.id)
        if room.state == "ended":
            return
        room.ended_by = by
        if one is None or one.ended:
            self._rooms.noted(self._over(room, outcome or "abandoned", by))
            return
        at, events = self._hub.wall(), list[e.Event]()
        waiting = one.waiting_in()
        if waiting is not None:
            result = _RESULTS.get(outcome, "abandoned")
            events.append(e.QueueLeft(at=at, interaction_id=room.id, queue=waiting.queue, result=result))
        talking = [segment.agent for segment in one.segments if segment.open]
        for device in talking or [CONSOLE + agent for agent in room.members]:
            events.append(e.AgentDisconnected(at=at, interaction_id=room.id, device=device))
        self._hub.take([*events, self._over(room, "answered" if one.answered else outcome or "abandoned", by)])

    def _over(self, room: Room, outcome: e.Outcome, by: EndedBy) -> e.InteractionEnded:
        ended_by = ENDED_BY.get(by, "system")
        return e.InteractionEnded(at=self._hub.wall(), interaction_id=room.id, outcome=outcome, ended_by=ended_by)

    def settle(self, room: Room) -> None:
        """The log says that it is over, and the store did not hear of it."""
        self._rooms.noted(self._over(room, "answered", room.ended_by or "closed"))

    def _keep(self, room: Room) -> None:
        if room.by_mail:
            return  # the conversation was over before
        self._hub.spawn(self._stored(room, self._hub.wall()))

    async def _stored(self, room: Room, at: float) -> None:
        """Tried again while the database is away; after that the next start finds it in the log."""
        changes = ChatChanges(
            state="ended", ended_at=at, ended_by=room.ended_by, seen_by_visitor=room.seen, seen_by_agent=room.answered
        )
        for wait in RETRY_SECONDS:
            try:
                await self._store.update(room.id, **changes)
                await self.kept(room.id)
            except NotFound:
                return  # erased meanwhile
            except Exception as error:
                log.warning("the end of a chat could not be kept: %s", type(error).__name__)
                await self.pause(wait)
            else:
                return


async def _nobody(conversation: str) -> None:
    """Nobody waits for it."""
