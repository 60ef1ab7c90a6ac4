"""Supervisors in chats: they join (silently or seen by all), write, leave. Each act is in the audit trail before."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from agent_console import wire
from agent_console.wire import Ack
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.chat.speech import Speech, clean
from cti_gateway.desk import no
from cti_gateway.pbx import Outcome
from interaction_log.records import Conflict, User
from routing import commands as c

Plan = Coroutine[Any, Any, Outcome] | Ack
NO_CHAT: Final = no("unknown_chat", "There is no such chat now.", "interaction_id")
NOT_SEEN: Final = Outcome(False, "unknown_chat", "There is no such chat in your teams.")
NOT_JOINED: Final = no("not_joined", "Join the chat first.", "interaction_id")
EMPTY: Final = no("invalid", "There is nothing to be sent.", "text")


class ChatOversight:
    """``tell_agents``: whether agents are told of who joins silently."""

    def __init__(self, rooms: Rooms, speech: Speech, tell_agents: bool) -> None:
        self._rooms, self._speech, self._tell_agents, self._hub = rooms, speech, tell_agents, rooms.hub
        self.post: Callable[[Room, str], Coroutine[Any, Any, None]] | None = None
        """As ``AgentChats.post``."""

    @property
    def methods(self) -> Mapping[str, Callable[[User, Any], Plan]]:
        """For ``Supervision.add``."""
        return {"join_chat": self.join, "leave_chat": self.leave, "chat_send": self.send}

    def join(self, user: User, command: wire.JoinChat) -> Plan:
        """Read it, and write in it."""
        room = self._rooms.all.get(command.interaction_id)
        return self._joined(user, room, command.silent) if room is not None and room.state != "ended" else NO_CHAT

    async def _in_sight(self, user: User, room: Room) -> bool:
        """By the teams: a queue of hers, or an agent of hers is in it."""
        sight = await self._hub.supervision.hands.sight(user)
        return sight.sees_queue(room.queue) or any(map(sight.sees_agent, [*room.members, *room.asked]))

    async def _joined(self, user: User, room: Room, silent: bool) -> Outcome:
        if not await self._in_sight(user, room):
            return NOT_SEEN
        if room.state == "ended":
            return Outcome(False, "unknown_chat", "This chat is over.")
        known = room.joined.get(user.name)
        room.joined[user.name] = silent
        self._rooms.show(room, [user.name], whole=True)
        self._rooms.changed(room, visitor=False)
        if silent:
            if self._tell_agents and known is None:
                for agent in room.members:
                    told = {"mode": "chat", "by": user.display_name}
                    self._hub.carry_out(c.Notify(agent, "info", "supervised", told))
        elif known is not False:
            self._speech.happened(room, "joined", user.display_name)
        return Outcome(True)

    def leave(self, user: User, command: wire.LeaveChat) -> Plan:
        """Out of it."""
        room = self._rooms.all.get(command.interaction_id)
        if room is None or user.name not in room.joined:
            return NOT_JOINED
        return self._left(user, room)

    async def _left(self, user: User, room: Room) -> Outcome:
        silent = room.joined.pop(user.name, True)
        self._rooms.take_away(room, user.name)
        self._rooms.changed(room, visitor=False)
        if not silent and room.state != "ended":
            self._speech.happened(room, "left", user.display_name)
        return Outcome(True)

    def send(self, user: User, command: wire.ChatSend) -> Plan:
        """A line; of who is there silently, for colleagues only."""
        room = self._rooms.all.get(command.interaction_id)
        if room is None or user.name not in room.joined or room.state == "ended":
            return NOT_JOINED
        if not clean(command.text):
            return EMPTY
        return self._sent(user, room, command)

    async def _sent(self, user: User, room: Room, command: wire.ChatSend) -> Outcome:
        private = command.private or room.joined.get(user.name, True)
        try:
            if room.by_mail and not private and self.post is not None:
                await self.post(room, command.id)
            await self._speech.say(
                room, "agent", command.id, command.text, author=user.name, name=user.display_name, private=private
            )
        except Conflict:
            return Outcome(False, "invalid", "This id was used for another line.")
        return Outcome(True)
