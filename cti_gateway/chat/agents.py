"""What agents do in their chats: each command checked, done, acknowledged after it is committed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from agent_console import wire
from agent_console.wire import Ack
from cti_gateway.chat.ending import Ending
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import TYPING_SECONDS, Rooms
from cti_gateway.chat.speech import Speech, clean
from cti_gateway.desk import NEEDS_DISPOSITION, NOT_YOURS, OK, Answer, no, said
from cti_gateway.pbx import Outcome
from interaction_log.records import Conflict, NotFound, Refused

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

log = logging.getLogger(__name__)
NOT_IN_CHAT: Final = no("not_yours", "This chat is not yours.", "interaction_id")
OVER: Final = no("chat_over", "This chat is over.", "interaction_id")
EMPTY: Final = no("invalid", "There is nothing to be sent.", "text")
USED: Final = no("invalid", "This id was used for another line.", "id")
UNAVAILABLE: Final = no("unavailable", "This cannot be kept just now; please try again.")
NO_FILE: Final = no("unknown_file", "There is no such file in this chat.", "file")
UNSCANNED: Final = no("file_not_ready", "This file is still being checked, or was refused.", "file")
Method = Callable[[str, Any], Answer]


class AgentChats:
    """The commands by name; ``methods`` goes to ``hub.desk.add``."""

    def __init__(self, rooms: Rooms, speech: Speech, store: StoredChats, ending: Ending) -> None:
        self._rooms, self._speech, self._store, self._ending = rooms, speech, store, ending
        self._hub = rooms.hub
        self.ask_cobrowse: Callable[[Room, str, bool], Ack] = lambda room, agent, on: OK
        self.send_on: Callable[[str, str, str], Any] | None = None
        """``hub.dispatch.send_on(interaction, agent, to)``."""
        self.post: Callable[[Room, str], Coroutine[Any, Any, None]] | None = None
        """What is written in a contact by mail goes out: noted before the line is, by the line's id."""

    def methods(self, before: Mapping[str, Method]) -> dict[str, Method]:
        """Commands of chats; those that calls have too (``before``) go where they went, unless a chat is named."""
        mine: dict[str, Method] = {
            "chat_send": self.send,
            "chat_send_file": self.send_file,
            "chat_typing": self.typing,
            "chat_seen": self.seen,
            "chat_close": self.close,
            "chat_cobrowse": self.cobrowse,
        }
        shared: dict[str, Method] = {"transfer": self.transfer, "hang_up": self.close}
        both = {name: self._either(name, shared[name], before) for name in shared}
        return mine | both | {"wrap_up": self._wrap_up(before["wrap_up"])}

    def _wrap_up(self, before: Method) -> Method:
        """As after a call: where only a disposition ends it, nothing else does."""

        def wrap_up(agent: str, command: wire.WrapUp) -> Answer:
            room = self._rooms.all.get(command.interaction_id)
            mandatory = room is not None and self._hub.distributor.wrap_up_rule(room.id).mandatory
            if mandatory and room is not None and agent in room.members and command.disposition is None:
                return NEEDS_DISPOSITION
            return before(agent, command)

        return wrap_up

    def _either(self, name: str, chat: Method, before: Mapping[str, Method]) -> Method:
        def choose(agent: str, command: Any) -> Answer:
            if command.interaction_id in self._rooms.all:
                return chat(agent, command)
            return before[name](agent, command)

        return choose

    def _room(self, agent: str, interaction_id: str) -> Room | Ack:
        """The chat, if she is in it and it is not over."""
        room = self._rooms.all.get(interaction_id)
        if room is None or agent not in room.people:
            return NOT_IN_CHAT
        return OVER if room.state == "ended" else room

    # --- lines -------------------------------------------------------------------------------------------

    def send(self, agent: str, command: wire.ChatSend) -> Answer:
        """A line of text. Who joined silently is read by her colleagues only."""
        room = self._room(agent, command.interaction_id)
        if not isinstance(room, Room):
            return room
        if not clean(command.text):
            return EMPTY
        private = command.private or room.joined.get(agent, False)
        return self._written(room, agent, command, text=command.text, private=private)

    def send_file(self, agent: str, command: wire.ChatSendFile) -> Answer:
        """A file that she uploaded before."""
        room = self._room(agent, command.interaction_id)
        return self._file_sent(room, agent, command) if isinstance(room, Room) else room

    async def _file_sent(self, room: Room, agent: str, command: wire.ChatSendFile) -> Ack:
        try:
            file = await self._store.file(command.file)
        except NotFound:
            return NO_FILE
        if file.conversation != room.conversation:
            return NO_FILE
        if file.scan != "clean" or not file.kept:
            return UNSCANNED
        return await self._written(room, agent, command, file=file.id)

    async def _written(
        self,
        room: Room,
        agent: str,
        command: wire.ChatSend | wire.ChatSendFile,
        *,
        text: str = "",
        file: str | None = None,
        private: bool = False,
    ) -> Ack:
        name = self._rooms.label(agent)
        try:
            if room.by_mail and not private and self.post is not None:
                await self.post(room, command.id)
            _, cards = await self._speech.say(
                room, "agent", command.id, text, author=agent, name=name, file=file, private=private
            )
        except Conflict:
            return USED
        except Refused as refused:
            return said(no("invalid", refused.message, refused.field))
        except Exception as error:  # the database is away; her console sends the line again
            log.warning("a line of an agent could not be kept: %s", type(error).__name__)
            return UNAVAILABLE
        self._hub.desk.tell(agent, command.id, Outcome(True))
        return {"ok": True, "cards": cards} if cards else OK

    # --- signs -------------------------------------------------------------------------------------------

    def typing(self, agent: str, command: wire.ChatTyping) -> Answer:
        """She writes: the visitor and the others in the room see it."""
        room = self._room(agent, command.interaction_id)
        if not isinstance(room, Room):
            return room
        until = self._hub.wall() + (TYPING_SECONDS if command.on else 0.0)
        name = self._rooms.label(agent)
        if not room.joined.get(agent, False) and not room.by_mail:
            told = {"conversation": room.id, "name": name if command.on else None, "until": until}
            self._rooms.screens.tell(room.visitor, "typing", told)
        self._rooms.show_typing(room, "agent", name, until, but=agent)
        return OK

    def seen(self, agent: str, command: wire.ChatSeen) -> Answer:
        """She has read so far."""
        room = self._rooms.all.get(command.interaction_id)
        if room is None or agent not in room.people:
            return NOT_IN_CHAT
        number = min(command.number, room.last)
        if number > room.read.get(agent, 0):
            room.read[agent] = number
            self._rooms.show(room, [agent])
            if agent in room.members and number > room.answered:
                room.answered = number
                self._rooms.changed(room)
        return OK

    # --- its end, and where it goes ----------------------------------------------------------------------

    def close(self, agent: str, command: wire.ChatClose | wire.HangUp) -> Answer:
        """End it; her wrap-up follows."""
        room = self._rooms.all.get(command.interaction_id)
        if room is None or agent not in room.members:
            return NOT_YOURS
        if room.state == "ended":
            return OVER
        self._ending.end(room, "agent")
        self._hub.desk.tell(agent, command.id, Outcome(True))
        return OK

    def transfer(self, agent: str, command: wire.Transfer) -> Answer:
        """To a colleague or a queue, with all that was written."""
        room = self._rooms.all.get(command.interaction_id)
        if room is None or agent not in room.members:
            return NOT_YOURS
        if room.state == "ended":
            return OVER
        if self.send_on is None:
            return no("not_supported", "This version cannot do that.")
        answer: Ack | Coroutine[Any, Any, Ack] = self.send_on(room.id, agent, command.to)
        if isinstance(answer, dict) and answer["ok"]:
            self._hub.desk.tell(agent, command.id, Outcome(True))
        return answer

    def cobrowse(self, agent: str, command: wire.ChatCobrowse) -> Answer:
        """Ask the visitor to show his page, or end that."""
        room = self._room(agent, command.interaction_id)
        if not isinstance(room, Room):
            return room
        answer = self.ask_cobrowse(room, agent, command.on)
        if answer["ok"]:
            self._hub.desk.tell(agent, command.id, Outcome(True))
        return answer
