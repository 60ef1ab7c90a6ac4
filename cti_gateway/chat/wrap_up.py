"""The work after a chat: as after a call, by the queue's rule (``routing.distributor``), beside her other chats.

A chat in wrap-up stays on her desk until she has written its disposition, or its time is over. Where the distributor
has no wrap-up for her (she was gone when it ended, or the queue asks for none) the desk is cleared here.
"""

from __future__ import annotations

from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.timers import Timers
from interaction_log import events as e


class WrapUps:
    """A timer for each agent and chat for which nobody else keeps the time."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms, self._hub = rooms, rooms.hub
        self._timers = Timers(self._over)
        rooms.on_end.append(self.begin)
        rooms.hub.listen(self._done, [e.InteractionWrappedUp])

    def begin(self, room: Room) -> None:
        """It ended."""
        if not room.members:
            return
        live, seconds = self._hub.distributor, self._seconds(room)
        for agent in room.members:
            if not live.wraps_up(agent, room.id) and not live.wrap_up_rule(room.id).mandatory:
                self._timers.start(f"{room.id}:{agent}", seconds)

    def _seconds(self, room: Room) -> float:
        settings = self._hub.distributor.settings
        known = settings.queues.get((room.pbx, room.queue))
        return known.wrap_up_seconds if known is not None else settings.default_wrap_up_seconds

    def _over(self, key: str) -> None:
        conversation, _, agent = key.partition(":")
        automatic = self._hub.distributor.wrap_up_rule(conversation).automatic
        over = e.InteractionWrappedUp(
            at=self._hub.wall(), interaction_id=conversation, agent=agent, disposition=automatic, notes=None
        )
        self._hub.take([over])

    def _done(self, event: e.InteractionWrappedUp) -> None:
        self._timers.cancel(f"{event.interaction_id}:{event.agent}")

    def stop(self) -> None:
        """No time runs any more."""
        self._timers.cancel_all()
