"""Contacts by mail: each an interaction of the channel ``email`` that is worked at the desk like a chat.

It stands in a conversation, with everything that was written there before, in the same line as all other contacts of
its queue. Its row is on the disk before the log hears of it, so that a start finds it again.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.chat.room import Room
from cti_gateway.chat.takeover import seat_people
from cti_gateway.desk import caller_found
from cti_gateway.mail_rules import MailBox, box_for
from email_channel.letter import Letter
from interaction_log import events as e
from interaction_log.chats import NewLine
from interaction_log.evidence import Evidence, folded
from interaction_log.identity import interaction_id
from interaction_log.mails import MailContact, Outgoing
from interaction_log.records import Match, NotFound, Refused

if TYPE_CHECKING:
    from cti_gateway.chat.setup import ChatDesk
    from cti_gateway.mail_outbox import Outbox
    from interaction_log.chats import StoredConversation
    from interaction_log.store.mails import StoredMails

log = logging.getLogger(__name__)
NEWEST: Final = 30
RETRY_SECONDS: Final = (1.0, 5.0, 30.0, 120.0)
"""Between the tries to write that a contact is over; after that the next start finds it in the log."""
CustomerOf = Callable[[str], Awaitable[str | None]]
"""The customer of an interaction, as the log says."""


class MailDesk:
    """One for all mailboxes. ``customer_of`` looks into the log."""

    def __init__(
        self, desk: ChatDesk, mails: StoredMails, boxes: Sequence[MailBox], customer_of: CustomerOf | None = None
    ) -> None:
        self.desk, self.mails, self.boxes, self._customer_of = desk, mails, tuple(boxes), customer_of
        self.hub, self.rooms = desk.hub, desk.rooms
        self.open: dict[str, Room] = {}
        """The contact by mail of a conversation that is worked or waits, by conversation."""
        self.turn = asyncio.Lock()
        """One letter is taken, or one that was held back let in, at a time."""
        self.pause: Callable[[float], Awaitable[None]] = asyncio.sleep
        self.rooms.on_end.append(self._ended)

    # --- a contact begins ------------------------------------------------------------------------------

    async def room_of(self, stored: StoredConversation, contact: MailContact) -> Room:
        """A room over this conversation, with its newest lines; nobody sees it yet."""
        room = Room(
            id=contact.id, visitor=stored.visitor, site=stored.site, pbx=self.pbx_of(stored, contact.queue),
            queue=contact.queue, language=stored.language, name=contact.name or stored.name, form=dict(stored.form),
            last=stored.last, answered=stored.last, page=stored.page, spoke_at=contact.opened_at, by_mail=True,
            online=False, stored=stored.id,
        )  # fmt: skip
        for line in await self.desk.store.lines(stored.id, max(0, stored.last - NEWEST)):
            room.keep(line)
        return room

    def pbx_of(self, stored: StoredConversation, queue: str) -> str:
        """The PBX of a queue, as the conversation's site or a mailbox knows it; empty for none."""
        rules = self.desk.parts.sites.get(stored.site)
        if rules is not None and queue in rules.queues:
            return rules.queues[queue]
        return next((one.pbx for one in self.boxes if one.queue == queue), "")

    async def begin(self, room: Room, contact: MailContact, agent: str | None = None) -> None:
        """It is a contact from now on, and waits; ``agent`` is asked first. Known to log and store when it returns.

        One that was over before stays so.
        """
        kept = await self.mails.open(contact)
        if kept.ended_at is not None or kept.id in self.rooms.all:
            return
        self._start(room, kept, agent)
        await self.hub.log.durable(self.hub.last_seq)

    def _start(self, room: Room, contact: MailContact, agent: str | None) -> None:
        self._show(room)
        if agent is not None:
            self.hub.dispatch.prefer[room.id] = agent
        if self.hub.distributor.interactions.get(room.id) is None:
            at = self.hub.wall()
            started = e.InteractionStarted(
                at=at, interaction_id=room.id, pbx=room.pbx, channel="email", direction="inbound",
                customer_address=None, customer_name=room.name or contact.address or None, dialled=None, unique_id="",
                linked_id="",
            )  # fmt: skip
            self.hub.take([started, e.QueueEntered(at=at, interaction_id=room.id, queue=room.queue)])

    def _show(self, room: Room) -> None:
        self.open[room.conversation] = room
        self.rooms.add(room)

    async def last_agent(self, conversation: str, last: int) -> str | None:
        """Who wrote to him last."""
        lines = await self.desk.store.lines(conversation, max(0, last - 200))
        return next((line.author for line in reversed(lines) if line.by == "agent" and line.author), None)

    async def go_on(self, room: Room, address: str) -> None:
        """He leaves a chat with a question that nobody answered: whoever had it answers by mail."""
        box = box_for(self.boxes, room.queue)
        if box is None or room.by_mail or room.spoke_by != "visitor":
            return
        stored = await self.desk.store.conversation(room.id)
        contact = MailContact(
            id=contact_id(stored.id, "left"), conversation=stored.id, box=box.name, queue=room.queue,
            opened_at=self.hub.wall(), address=address, name=room.name or "", subject=self.label(room.queue),
        )  # fmt: skip
        fresh = await self.room_of(stored, contact)
        await self.begin(fresh, contact, next(iter(room.members), None))
        self.hub.spawn(self.identify(fresh))

    def label(self, queue: str) -> str:
        """The queue's name for people."""
        known = self.hub.distributor.settings.queues.values()
        return next((one.label for one in known if one.name == queue and one.label), queue)

    # --- what goes out ---------------------------------------------------------------------------------

    def post(self, outbox: Outbox) -> Callable[[Room, str], Coroutine[Any, Any, None]]:
        """For ``AgentChats``: a line that will be written, and is to be sent."""

        async def put(room: Room, line: str) -> None:
            at = self.hub.wall()
            await outbox.put(
                Outgoing(id=line, conversation=room.conversation, kind="line", made_at=at, next_at=at, contact=room.id)
            )

        return put

    async def lost(self, one: Outgoing, why: str) -> None:
        """It could not be sent: it stands in the transcript. A question how it was is none of it."""
        if one.contact is None or one.kind == "survey":
            return
        room, line = self.rooms.all.get(one.contact), str(uuid.uuid5(uuid.NAMESPACE_OID, f"lost:{one.id}"))
        told = NewLine(id=line, by="system", at=self.hub.wall(), text="mail_not_sent", kind="event", name=why)
        try:
            if room is not None:
                await self.desk.speech.note(room, line, "mail_not_sent", why)
            else:
                await self.desk.store.say(one.conversation, told)
        except Exception as error:
            log.warning("that a letter was not sent could not be kept: %s", type(error).__name__)

    # --- who it is -------------------------------------------------------------------------------------

    async def identify(self, room: Room, contact: MailContact | None = None) -> None:
        """In a conversation with a customer it is he; else the sender's address says as much as his server proved."""
        try:
            match = await self._of_conversation(room)
            if match.strength == "unknown" and contact is not None and room.id == room.conversation:
                match = await self._by_address(contact)
        except Exception as error:  # the contact goes on with somebody unknown
            log.warning("who wrote a letter could not be looked up: %s", type(error).__name__)
            return
        if match.strength != "unknown":
            self.hub.take([caller_found(self.hub.wall(), room.id, match)])

    async def _of_conversation(self, room: Room) -> Match:
        before = [one.id for one in await self.mails.contacts(room.conversation) if one.id != room.id]
        for of in [*before, *([room.conversation] if room.conversation != room.id else [])]:
            live = self.hub.distributor.pops.match(of)
            if live is not None and live.strength == "known" and live.customer is not None:
                return await self.hub.customers.match_of(str(live.customer["id"]))
            customer = await self._customer_of(of) if self._customer_of is not None else None
            if customer is not None:
                return await self.hub.customers.match_of(customer)
        return Match(strength="unknown")

    async def _by_address(self, contact: MailContact) -> Match:
        claims = self.desk.parts.claims
        if claims is None or not contact.wrote:
            return Match(strength="unknown")
        try:
            value = folded("email", contact.wrote)
        except Refused:
            return Match(strength="unknown")
        proved = {"pass": True, "fail": False}.get(contact.proved)
        told = Evidence(kind="email", value=value, source="mail", authenticated=proved)
        found = await claims.who(told)
        if found.strength == "known" and found.customer is not None:
            return await self.hub.customers.match_of(str(found.customer["id"]))
        return found

    # --- its end, and a start --------------------------------------------------------------------------

    def _ended(self, room: Room) -> None:
        if room.by_mail:
            if self.open.get(room.conversation) is room:
                del self.open[room.conversation]
            self.hub.spawn(self._keep_end(room, self.hub.wall()))

    async def _keep_end(self, room: Room, at: float) -> None:
        for wait in RETRY_SECONDS:
            try:
                await self.mails.end(room.id, at)
            except NotFound:
                return  # erased meanwhile
            except Exception as error:
                log.warning("the end of a contact by mail could not be kept: %s", type(error).__name__)
                await self.pause(wait)
            else:
                return

    async def restore(self) -> None:
        """A start: contacts that were open go on; the store and the log are made to agree."""
        for contact in await self.mails.open_ones():
            try:
                await self._restore(contact)
            except Exception:  # one that cannot be taken over must not keep the others out
                log.exception("a contact by mail could not be taken over")

    async def _restore(self, contact: MailContact) -> None:
        stored = await self.desk.store.conversation(contact.conversation)
        room = await self.room_of(stored, contact)
        one = self.hub.distributor.interactions.get(contact.id)
        over = one.ended if one is not None else await self._over(contact.id)
        if over:
            await self.mails.end(contact.id, self.hub.wall())
        elif one is None:
            self._start(room, contact, await self.last_agent(stored.id, stored.last))
        else:
            seat_people(room, one)
            self._show(room)

    async def _over(self, interaction_id: str) -> bool:
        ended = self.desk.parts.ended
        return ended is not None and await ended(interaction_id)

    async def said(self, room: Room, letter: Letter) -> None:
        """A further letter in a contact: answers go in answer to it."""
        contact = await self.mails.contact(room.id)
        if letter.message_id and letter.message_id not in contact.answers:
            answers = (*contact.answers, letter.message_id)[-20:]
            await self.mails.change(replace(contact, answers=answers, subject=letter.subject or contact.subject))


def contact_id(conversation: str, of: str) -> str:
    """The interaction that begins with this: the same again is the same."""
    return interaction_id("email", conversation, of)
