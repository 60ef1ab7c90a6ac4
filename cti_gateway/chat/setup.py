"""The chats, put together: everything between the store, the hub and the visitors' server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from cti_gateway.chat.agents import AgentChats
from cti_gateway.chat.clocks import Clocks
from cti_gateway.chat.correspondence import Correspondence
from cti_gateway.chat.ending import Ending
from cti_gateway.chat.identity import Claims, Vouched
from cti_gateway.chat.mirror import Mirror
from cti_gateway.chat.oversight import ChatOversight
from cti_gateway.chat.place import Places
from cti_gateway.chat.post import Post, Surveys
from cti_gateway.chat.promises import Promises
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.chat.rules import SiteRules
from cti_gateway.chat.speech import Speech
from cti_gateway.chat.takeover import TakeOver
from cti_gateway.chat.visitors import ChatRooms
from cti_gateway.chat.wishes import CallbackLine
from cti_gateway.chat.wrap_up import WrapUps
from cti_gateway.mail_desk import CustomerOf, MailDesk
from cti_gateway.mail_outbox import Outbox, Send
from cti_gateway.mail_rules import MailBox
from email_channel.tokens import Sign
from interaction_log import events as e
from interaction_log.chats import StoredLine
from routing.hours import Hours
from webchat.ports import VisitorScreens

if TYPE_CHECKING:
    from cti_gateway.hub import Hub
    from interaction_log.store.chats import StoredChats
    from interaction_log.store.mails import StoredMails


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatParts:
    """What chats stand on. ``region``: ISO 3166-1 alpha-2; ``hours`` by PBX and queue."""

    sites: Mapping[str, SiteRules]
    region: str = "CN"
    hours: Mapping[tuple[str, str], Hours] = field(default_factory=dict)
    claims: Claims | None = None
    surveys: Surveys | None = None
    sender: str = ""
    send: Send | None = None
    """Hands a mail over; with it ``mails`` and ``sign`` are needed."""
    mails: StoredMails | None = None
    sign: Sign | None = None
    boxes: tuple[MailBox, ...] = ()
    customer_of: CustomerOf | None = None
    ended: Callable[[str], Awaitable[bool]] | None = None
    """Whether the log knows this contact as one that is over."""
    tell_agents: bool = False
    """Whether agents are told of a supervisor who joins silently."""


class ChatDesk:
    """All of it. ``chats`` goes to the visitors' server, ``rooms`` to the hub's snapshots; ``stop`` ends the clocks."""

    def __init__(self, hub: Hub, store: StoredChats, parts: ChatParts) -> None:
        self.hub, self.store, self.parts = hub, store, parts
        self.rooms = rooms = Rooms(hub)
        self.speech = speech = Speech(rooms, store, hub.wall)
        self.ending = ending = Ending(rooms, store)
        self.mirror = Mirror(rooms, speech)
        self.vouched = Vouched(hub, parts.claims, parts.region)
        self.vouched.rooms = rooms.all
        self.places = Places(rooms, hub.dispatch, parts.hours)
        self.outbox = Outbox(parts.mails, parts.send, hub.wall) if parts.mails and parts.send else None
        self.post = Post(rooms, store, parts.surveys, parts.sites, ending, self.outbox)
        self.promises = Promises(rooms, store, parts.sites, speech, ending, parts.region)
        self.clocks = Clocks(rooms, speech, ending, store, parts.sites)
        self.promises.let_choose = self.clocks.let_choose
        self.promises.hours = self.places.call_hours
        self.clocks.leave = self.post.leave
        self.places.mail = self.outbox is not None
        self.wrap_ups = WrapUps(rooms)
        self.agents = AgentChats(rooms, speech, store, ending)
        self.agents.send_on = hub.dispatch.send_on
        self.agents.ask_cobrowse = self._ask_cobrowse
        self.oversight = ChatOversight(rooms, speech, parts.tell_agents)
        self.chats = ChatRooms(
            rooms,
            store,
            parts.sites,
            speech=speech,
            ending=ending,
            vouched=self.vouched,
            places=self.places,
            mirror=self.mirror,
            post=self.post,
            promises=self.promises,
        )
        self.mail = MailDesk(self, parts.mails, parts.boxes, parts.customer_of) if parts.mails else None
        self.letters: Correspondence | None = None
        self._join()
        self._write_letters()

    def _write_letters(self) -> None:
        """What is said by mail goes out."""
        mail, outbox, parts = self.mail, self.outbox, self.parts
        if mail is None or outbox is None or parts.sign is None:
            return
        self.letters = letters = Correspondence(
            self.store, mail.mails, parts.sign, parts.boxes, parts.sender, mail.label
        )
        outbox.compose = {"transcript": letters.transcript, "line": letters.line}
        outbox.lost = mail.lost
        self.post.go_on = mail.go_on
        self.agents.post = self.oversight.post = mail.post(outbox)
        self.speech.heard.append(partial(self._to_be_sent, outbox))

    def _to_be_sent(self, outbox: Outbox, room: Room, line: StoredLine) -> None:
        """It is written: the outbox may have looked for it before."""
        if room.by_mail and line.by == "agent":
            self.hub.spawn(outbox.hurry(line.id))

    def _join(self) -> None:
        hub = self.hub
        hub.listen(self.rooms.noted, Rooms.HEARS)
        hub.listen(self.vouched.chosen, [e.CustomerIdentified])
        hub.listen(self.promises.moved, [e.CallbackAttempted, e.CallbackClosed])
        hub.desk.add(self.agents.methods(hub.desk.methods))
        hub.supervision.add(self.oversight.methods)
        hub.chat_views = self.rooms.views
        hub.dispatch.on_divert = self.promises.waited_too_long

    def _ask_cobrowse(self, room: Room, agent: str, on: bool) -> Any:
        rules = self.parts.sites.get(room.site)
        return self.mirror.ask(room, agent, on, allowed=rules is not None and rules.cobrowse)

    def attach(self, screens: VisitorScreens) -> None:
        """The visitors' browsers are here."""
        self.rooms.screens = screens

    def take_callbacks(self, line: CallbackLine) -> None:
        """Visitors may ask to be called: they stand in this line."""
        self.promises.line = line
        self.places.callback = lambda pbx, queue: True

    async def start(self) -> None:
        """Take over the conversations of before. After the hub's own state was restored."""
        if self.hub.dispatch.callbacks is not None:
            self.take_callbacks(self.hub.dispatch.callbacks)
            await self.promises.restore()
        await self._keep_consents()
        await TakeOver(self).run()
        if self.mail is not None:
            await self.mail.restore()
        if self.outbox is not None:
            self.outbox.start()

    async def _keep_consents(self) -> None:
        """What visitors agree to is kept with its version, before anybody agrees."""
        for site, rules in self.parts.sites.items():
            if rules.consent is not None:
                text = rules.consent["text"]
                await self.store.keep_consent(site, rules.consent["version"], text, self.hub.wall())

    async def stop(self) -> None:
        """No clock runs any more."""
        if self.outbox is not None:
            await self.outbox.stop()
        self.clocks.stop()
        self.places.stop()
        self.wrap_ups.stop()
