"""A start: conversations that were open go on. The store and the log are made to agree, nothing is lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cti_gateway.chat.room import Room
from interaction_log.chats import StoredConversation
from interaction_log.devices import at_console
from interaction_log.interaction import Interaction
from interaction_log.records import NotFound
from webchat.ports import Visitor

if TYPE_CHECKING:
    from cti_gateway.chat.setup import ChatDesk

log = logging.getLogger(__name__)
NEWEST = 30


class TakeOver:
    """Done once."""

    def __init__(self, desk: ChatDesk) -> None:
        self._desk = desk

    async def run(self) -> None:
        """Every open conversation of the store gets its room again."""
        for stored in await self._desk.store.open_ones():
            try:
                await self._one(stored)
            except Exception:  # one that cannot be taken over must not keep the others out
                log.exception("a conversation could not be taken over")
        await self._to_be_wrapped_up()
        if self._desk.rooms.all:
            self._desk.places.begin()

    async def _to_be_wrapped_up(self) -> None:
        """What was over and somebody has still to wrap up is on her desk again."""
        live = self._desk.hub.distributor
        for agent in live.agents.values():
            for of in (agent.wrapping, *agent.to_wrap):
                one = live.interactions.get(of or "")
                if one is not None and one.channel == "chat" and one.ended:
                    await self._over_with(one.id, agent.name)

    async def _over_with(self, of: str, agent: str) -> None:
        desk, room = self._desk, self._desk.rooms.all.get(of)
        if room is None:
            try:
                stored = await desk.store.conversation(of)
            except NotFound:
                return
            room = desk.chats.room_of(stored)
            room.state, room.ended_by, room.online = "ended", stored.ended_by, False
            await self._known(room, stored)
            for line in await desk.store.lines(stored.id, max(0, stored.last - NEWEST)):
                room.keep(line)
            desk.rooms.all[of] = room  # and not as the visitor's own: he may be in another by now
            desk.clocks.ended(room)
        room.members[agent] = None

    async def _one(self, stored: StoredConversation) -> None:
        desk = self._desk
        room = desk.chats.room_of(stored)
        await self._known(room, stored)
        before = max(0, stored.last - NEWEST)
        for line in await desk.store.lines(stored.id, before):
            room.keep(line)
        room.online, room.gone_at = False, desk.hub.wall()
        one = desk.hub.distributor.interactions.get(stored.id)
        desk.rooms.add(room)
        over = one.ended if one is not None else await self._over(stored.id)
        if over:  # we died before the store heard of it
            room.ended_by = "closed"
            desk.ending.settle(room)
            return
        if one is None:
            desk.chats.start(room, stored.opened_at)  # we died before the log knew of it
        else:
            seat_people(room, one)
        self._clocks(room)

    async def _over(self, interaction_id: str) -> bool:
        ended = self._desk.parts.ended
        return ended is not None and await ended(interaction_id)

    async def _known(self, room: Room, stored: StoredConversation) -> None:
        desk = self._desk
        try:
            visitor = await desk.store.visitor(stored.visitor)
        except NotFound:
            return
        who = Visitor(id=visitor.id, site=visitor.site, subject=visitor.subject, attributes=dict(visitor.attributes))
        room.verified = who.subject is not None
        desk.vouched.remember(room, who)

    def _clocks(self, room: Room) -> None:
        said = [line for line in room.lines if line.by != "system"]
        if said:
            room.spoke_at, room.spoke_by = said[-1].at, said[-1].by
        self._desk.clocks.listen(room)
        self._desk.clocks.watch_presence(room)


def seat_people(room: Room, one: Interaction) -> None:
    """Who has it, as the log says."""
    for segment in one.segments:
        agent = at_console(segment.agent)
        if segment.open and agent is not None:
            room.members[agent] = None
    if room.members:
        room.move("connected")
    visit = one.waiting_in()
    if visit is not None:
        room.queue = visit.queue
