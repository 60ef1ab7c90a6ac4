"""Co-browsing: the visitor shows his page to the agents in the room. Frames go through and are never kept."""

from __future__ import annotations

from typing import Final

from agent_console.wire import Ack as AgentAck
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.chat.speech import Speech
from cti_gateway.desk import OK, no
from webchat.wire import Ack, CobrowseFrame

FRAMES: Final = 10.0
"""Frames a second, on the average, that go through for one visitor."""
BURST: Final = 40.0
"""A whole page may come in so many pieces at once; those over it are dropped, and the widget sends the page anew."""


class Mirror:
    """Who looks at whose page, and how much goes through."""

    def __init__(self, rooms: Rooms, speech: Speech) -> None:
        self._rooms, self._speech = rooms, speech
        self._left: dict[str, tuple[float, float]] = {}
        """Frames that may come now, and as of when, by conversation."""
        rooms.on_end.append(self.forget)

    def ask(self, room: Room, agent: str, on: bool, allowed: bool = True) -> AgentAck:
        """An agent asks to see the page (nothing is seen before the visitor agrees), or looks no more."""
        if on and not allowed:
            return no("not_supported", "This site does not show its pages.")
        if on and room.cobrowse == "off":
            room.cobrowse = "asked"
            self._speech.happened(room, "cobrowse_asked", self._rooms.label(agent))
            self._rooms.changed(room)
        elif not on and room.cobrowse != "off":
            self._off(room)
        return OK

    def shown(self, room: Room, on: bool) -> Ack:
        """The visitor agrees, which stands in the transcript, or ends it."""
        if on and room.cobrowse == "off":
            return {"ok": False, "error": {"code": "not_asked", "message": "Nobody asked to see this page."}}
        if on and room.cobrowse == "asked":
            room.cobrowse = "on"
            self._speech.happened(room, "cobrowse_agreed", room.name)
            self._rooms.changed(room)
        elif not on and room.cobrowse != "off":
            self._off(room)
        return {"ok": True}

    def _off(self, room: Room) -> None:
        room.cobrowse = "off"
        self._left.pop(room.id, None)
        self._speech.happened(room, "cobrowse_ended")
        self._rooms.changed(room)

    def frame(self, room: Room, wanted: CobrowseFrame) -> None:
        """A piece of the page, to those in the room; dropped where nobody agreed, or too many come."""
        if room.cobrowse != "on" or not self._may_pass(room):
            return
        body = {"interaction_id": room.id, "n": wanted.n, "data": wanted.data}
        for agent in room.people:
            self._rooms.hub.screens.flash(agent, "chat_frame", body)

    def _may_pass(self, room: Room) -> bool:
        now = self._rooms.hub.wall()
        left, since = self._left.get(room.id, (BURST, now))
        left = min(BURST, left + max(0.0, now - since) * FRAMES)
        self._left[room.id] = (max(0.0, left - 1.0), now)
        return left >= 1.0

    def forget(self, room: Room) -> None:
        """It is over."""
        self._left.pop(room.id, None)
