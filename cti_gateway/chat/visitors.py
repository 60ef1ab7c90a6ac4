"""The visitors' side: fulfils ``webchat.ports.Chats``. An acknowledgement comes after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from cti_gateway.chat.answers import EMPTY, NONE, OVER, USED, said
from cti_gateway.chat.ending import Ending
from cti_gateway.chat.identity import Vouched
from cti_gateway.chat.mirror import Mirror
from cti_gateway.chat.opening import UNKNOWN_QUEUE, fault_of, new_conversation, queue_of, refused, room_of
from cti_gateway.chat.place import Places
from cti_gateway.chat.post import Post
from cti_gateway.chat.promises import Promises
from cti_gateway.chat.room import Page as Visited
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import TYPING_SECONDS, Rooms
from cti_gateway.chat.rules import SiteRules
from cti_gateway.chat.speech import Speech, clean
from cti_gateway.chat.views import visitor_line
from interaction_log import events as e
from interaction_log.chats import StoredConversation
from interaction_log.records import Conflict, NotFound, Refused
from webchat import wire
from webchat.ports import Visitor
from webchat.wire import Ack, Conversation, Line

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

LATER_SECONDS: Final = 1_800.0
"""So long after its end a conversation is still shown to who comes back: to rate it, to read it."""


class ChatRooms:
    """One of them for all visitors of all sites."""

    def __init__(
        self,
        rooms: Rooms,
        store: StoredChats,
        sites: Mapping[str, SiteRules],
        *,
        speech: Speech,
        ending: Ending,
        vouched: Vouched,
        places: Places,
        mirror: Mirror,
        post: Post,
        promises: Promises,
    ) -> None:
        self.rooms, self._store, self.sites = rooms, store, sites
        self._hub, self._speech, self._ending, self._vouched = rooms.hub, speech, ending, vouched
        self._places, self._mirror, self._post, self._promises = places, mirror, post, promises
        self._opening: dict[str, asyncio.Lock] = {}

    # --- before --------------------------------------------------------------------------------------------

    async def site(self, site: str, queue: str) -> wire.SiteView | None:
        """What the widget shows."""
        rules = self.sites.get(site)
        queue = queue or (next(iter(rules.queues), "") if rules is not None else "")
        return self._places.site(rules, queue) if rules is not None and queue in rules.queues else None

    async def current(self, visitor: Visitor) -> Conversation | None:
        """His conversation, open or ended not long ago."""
        room = self.rooms.of_visitor.get(visitor.id)
        if room is not None:
            self._places.look(room)
            return self.rooms.conversation(room)
        last = await self._last(visitor)
        return self._promises.shown(last) if last is not None else None

    async def _last(self, visitor: Visitor) -> StoredConversation | None:
        """The last one in the store, if it is to be shown still."""
        found = await self._store.of_visitor(visitor.id, 1)
        if not found:
            return None
        waits = (found[0].callback or {}).get("state") in ("waiting", "calling")
        recent = found[0].ended_at is None or self._hub.wall() - found[0].ended_at < LATER_SECONDS
        return found[0] if recent or waits else None

    async def lines(self, visitor: Visitor, wanted: wire.Fetch) -> list[Line]:
        """Lines of it, in order."""
        room = self.rooms.of_visitor.get(visitor.id)
        of = room or await self._last(visitor)
        if of is None:
            return []
        return [visitor_line(one) for one in await self._store.lines(of.id, wanted.after, wanted.before, wanted.limit)]

    async def open(self, visitor: Visitor, wanted: wire.Open) -> Ack:
        """Begin one, or answer with the one that is open already. One at a time for each visitor."""
        lock = self._opening.setdefault(visitor.id, asyncio.Lock())
        try:
            async with lock:
                room = self.rooms.open_of(visitor.id)
                return self._shown(room) if room is not None else await self._open(visitor, wanted)
        finally:
            if not lock.locked():
                self._opening.pop(visitor.id, None)

    def _shown(self, room: Room) -> Ack:
        self._places.look(room)
        return {"ok": True, "conversation": self.rooms.conversation(room)}

    async def _open(self, visitor: Visitor, wanted: wire.Open) -> Ack:
        rules = self.sites.get(visitor.site)
        queue = queue_of(rules, wanted) if rules is not None else None
        if rules is None or queue is None:
            return UNKNOWN_QUEUE
        if not self._places.is_open(rules, queue):
            return refused("closed", "Nobody is here at this time.")
        fault = fault_of(rules, wanted, queue)
        if fault is not None:
            return fault
        begun = new_conversation(visitor, rules, wanted, queue, self._hub.wall())
        try:
            stored = await self._store.open(begun)
        except Conflict:
            return USED
        if stored.again and stored.state == "ended":
            return {"ok": True, "conversation": self._promises.shown(stored)}
        return await self._begun(visitor, stored)

    async def _begun(self, visitor: Visitor, stored: StoredConversation) -> Ack:
        """It is in the store: now it is an interaction that waits in its queue."""
        room = self.room_of(stored)
        room.verified, room.spoke_at = visitor.subject is not None, stored.opened_at
        self.rooms.add(room)
        if self._hub.distributor.interactions.get(room.id) is None:
            self.start(room, stored.opened_at)
        await self._hub.log.durable(self._hub.last_seq)
        self._vouched.look_up(room, visitor)
        self._places.begin()
        return self._shown(room)

    def start(self, room: Room, at: float) -> None:
        """It begins in the log."""
        started = e.InteractionStarted(
            at=at, interaction_id=room.id, pbx=room.pbx, channel="chat", direction="inbound", customer_address=None,
            customer_name=room.name, dialled=None, unique_id="", linked_id="",
        )  # fmt: skip
        self._hub.take([started, e.QueueEntered(at=at, interaction_id=room.id, queue=room.queue)])

    def room_of(self, stored: StoredConversation) -> Room:
        """A room from what the store has of it."""
        return room_of(stored, self.sites.get(stored.site))

    # --- in it -----------------------------------------------------------------------------------------------

    async def say(self, visitor: Visitor, wanted: wire.Say) -> Ack:
        """Write a line. One that was written before is acknowledged again, also after the end."""
        room = self.rooms.of_visitor.get(visitor.id)
        if room is None:
            return NONE
        if room.state == "ended":
            return await self._said_before(room, wanted.id)
        fault = await self._fault_of(room, wanted)
        if fault is not None:
            return fault
        try:
            line, _ = await self._speech.say(room, "visitor", wanted.id, wanted.text, name=room.name, file=wanted.file)
        except Conflict:
            return USED
        except Refused as error:
            return refused("refused", error.message, error.field)
        return {"ok": True, "number": line.number, "at": line.at}

    def say_text(self, visitor: Visitor, wanted: wire.Say, heard: Callable[[Ack | Exception], None]) -> bool:
        """The same, without a task for each: see ``webchat.ports``."""
        room = self.rooms.of_visitor.get(visitor.id)
        if room is None or room.state == "ended" or wanted.file is not None:
            return False
        text = clean(wanted.text)
        if text:
            self._speech.put(room, wanted.id, text, partial(said, heard))
        else:
            heard(EMPTY)
        return True

    async def _fault_of(self, room: Room, wanted: wire.Say) -> Ack | None:
        if wanted.file is not None:
            return await self._file_fault(room, wanted.file)
        return None if clean(wanted.text) else EMPTY

    async def _said_before(self, room: Room, line_id: str) -> Ack:
        found = await self._store.lines(room.id, max(0, room.last - 200))
        line = next((one for one in found if one.id == line_id), None)
        return {"ok": True, "number": line.number, "at": line.at} if line is not None else OVER

    async def _file_fault(self, room: Room, file_id: str) -> Ack | None:
        try:
            file = await self._store.file(file_id)
        except NotFound:
            return refused("no_file", "There is no such file.", "file")
        if file.conversation != room.id or file.by != "visitor":
            return refused("no_file", "There is no such file.", "file")
        if file.scan == "clean" and file.kept:
            return None
        waits = file.scan == "waiting"
        return refused("file_waits" if waits else "file_refused", "This file cannot be sent.", "file")

    async def leave(self, visitor: Visitor) -> Ack:
        """End it."""
        room = self.rooms.of_visitor.get(visitor.id)
        if room is None:
            return NONE
        await self._post.leave(room, "visitor")
        await self._hub.log.durable(self._hub.last_seq)
        return self._shown(room)

    def typing(self, visitor: Visitor, on: bool) -> None:
        """He writes."""
        room = self.rooms.open_of(visitor.id)
        if room is not None:
            until = self._hub.wall() + (TYPING_SECONDS if on else 0.0)
            self.rooms.show_typing(room, "visitor", room.name, until)

    def seen(self, visitor: Visitor, number: int) -> None:
        """He has read so far."""
        room = self.rooms.of_visitor.get(visitor.id)
        if room is not None and room.seen < (number := min(number, room.last)):
            room.seen = number
            self.rooms.show_soon(room)

    def page(self, visitor: Visitor, wanted: wire.Page) -> None:
        """He looks at another page. Nothing is kept where the site does not follow pages; no fragment ever is."""
        room, rules = self.rooms.open_of(visitor.id), self.sites.get(visitor.site)
        url = clean(wanted.url).partition("#")[0]
        if room is None or rules is None or not rules.trail or not url.startswith(("https://", "http://")):
            return
        if room.page == url and room.trail:
            return
        room.page = url
        room.trail.append(Visited(self._hub.wall(), url, clean(wanted.title)))
        self.rooms.show_soon(room)

    def presence(self, visitor: Visitor, tabs: int) -> None:
        """So many connections of his are open now."""
        room = self.rooms.of_visitor.get(visitor.id)
        if room is None or room.online == (tabs > 0):
            return
        room.online, room.gone_at = tabs > 0, None if tabs > 0 else self._hub.wall()
        self.rooms.show_soon(room)

    async def signed_in(self, anonymous: str, visitor: Visitor) -> None:
        """He signed in at the site while he talked: the people in the conversation see it, and he is looked up."""
        room = self.rooms.hand_over(anonymous, visitor.id)
        if room is None:
            return
        name = visitor.attributes.get("name", "").strip()[:80]
        room.verified, room.name = True, name or room.name
        self.rooms.changed(room)
        self._vouched.look_up(room, visitor)
        if name:
            await self._store.update(room.id, name=name)

    # --- after, and beside -------------------------------------------------------------------------------------

    async def leave_message(self, visitor: Visitor, wanted: wire.LeaveMessage) -> Ack:
        """Nobody is there: a message for later."""
        return await self._promises.leave_message(visitor, wanted)

    async def request_callback(self, visitor: Visitor, wanted: wire.RequestCallback) -> Ack:
        """He wants to be called."""
        return await self._promises.request_callback(visitor, wanted)

    async def cancel_callback(self, visitor: Visitor) -> Ack:
        """He does not any more."""
        return await self._promises.cancel_callback(visitor)

    async def rate(self, visitor: Visitor, wanted: wire.Rate) -> Ack:
        """How it was."""
        return await self._post.rate(visitor, wanted)

    async def mail_transcript(self, visitor: Visitor, wanted: wire.MailTranscript) -> Ack:
        """Send it by mail."""
        return await self._post.mail(visitor, wanted)

    def cobrowse(self, visitor: Visitor, wanted: wire.Cobrowse) -> Ack:
        """He shows his page, or no more."""
        room = self.rooms.open_of(visitor.id)
        return self._mirror.shown(room, wanted.on) if room is not None else NONE

    def cobrowse_frame(self, visitor: Visitor, wanted: wire.CobrowseFrame) -> None:
        """A piece of it."""
        room = self.rooms.open_of(visitor.id)
        if room is not None:
            self._mirror.frame(room, wanted)
