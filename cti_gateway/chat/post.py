"""What comes after a conversation: how it was, and its transcript by mail."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from cti_gateway.chat.ending import Ending
from cti_gateway.chat.letters import Letter, Send, mail_of
from cti_gateway.chat.opening import refused as no
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.chat.rules import SiteRules
from cti_gateway.chat.speech import clean
from interaction_log.chats import StoredConversation, StoredLine
from interaction_log.masking import mask_cards
from interaction_log.records import Conflict, NotFound
from webchat import wire
from webchat.ports import Visitor
from webchat.wire import Ack

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

log = logging.getLogger(__name__)
RETRY_SECONDS: Final = (30.0, 300.0)
"""Before the second and the third try of a mail."""
_ADDRESS: Final = re.compile(r"[^\s@<>\"'(),;:\\\[\]]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.)+[A-Za-z]{2,63}")
"""One plain address; what RFC 5321 allows beyond that (quotes, literals) nobody types."""


class Surveys(Protocol):
    """What is needed of ``store.surveys``."""

    async def answer(
        self, interaction_id: str, kind: str, score: int, *, channel: str, comment: str | None = None
    ) -> object:
        """Keep an answer; ``Conflict``: there is one."""
        ...


class Post:
    """``send`` ``None``: there is no mail server."""

    def __init__(
        self,
        rooms: Rooms,
        store: StoredChats,
        surveys: Surveys | None,
        sites: Mapping[str, SiteRules],
        ending: Ending,
        sender: str = "",
        send: Send | None = None,
    ) -> None:
        self._rooms, self._store, self._surveys, self._sites = rooms, store, surveys, sites
        self._ending, self._sender, self._send, self._hub = ending, sender, send, rooms.hub
        self.pause: Callable[[float], Any] = asyncio.sleep
        self._turn = asyncio.Lock()
        """Counting what was asked for and noting what was sent do not meet."""
        rooms.on_end.append(self.ended)

    # --- how it was ----------------------------------------------------------------------------------------

    async def rate(self, visitor: Visitor, wanted: wire.Rate) -> Ack:
        """1 to 5, once, of a conversation that somebody answered."""
        one = await self._last(visitor)
        if one is None:
            return no("no_conversation", "There is no conversation.")
        room = self._rooms.all.get(one.id)
        if not await self._answered(one):
            return no("not_answered", "Nobody answered, so there is nothing to be rated.")
        comment = mask_cards(clean(wanted.comment or "")).text or None
        try:
            if self._surveys is not None:
                await self._surveys.answer(one.id, "csat", wanted.score, channel="chat", comment=comment)
        except Conflict:
            return {"ok": True} if one.rating == wanted.score else no("rated", "It was rated already.")
        except NotFound:
            return no("no_conversation", "There is no conversation.")
        await self._store.update(one.id, rating=wanted.score, comment=comment)
        if room is not None:
            room.rating = wanted.score
            self._rooms.changed(room)
        return {"ok": True}

    async def _last(self, visitor: Visitor) -> StoredConversation | None:
        found = await self._store.of_visitor(visitor.id, 1)
        return found[0] if found else None

    async def _answered(self, one: StoredConversation) -> bool:
        """Whether an agent wrote in it or had it."""
        live = self._hub.distributor.interactions.get(one.id)
        if live is not None:
            return live.answered
        return one.agent is not None or any(line.by == "agent" for line in await self._store.lines(one.id))

    # --- by mail -------------------------------------------------------------------------------------------

    async def mail(self, visitor: Visitor, wanted: wire.MailTranscript) -> Ack:
        """When it is over (now, if it is). ``go_on``: he leaves, and it goes on by mail."""
        rules, one = self._sites.get(visitor.site), await self._last(visitor)
        if self._send is None or rules is None or rules.transcripts <= 0:
            return no("not_supported", "No mail is sent from here.")
        if one is None:
            return no("no_conversation", "There is no conversation.")
        address = wanted.address.strip()
        if not (address.isascii() and _ADDRESS.fullmatch(address)):
            return no("invalid_address", "This is no mail address.", "address")
        if not await self._answered(one):
            return no("not_answered", "Nobody answered yet, so there is nothing to be sent.")
        async with self._turn:
            one = await self._store.conversation(one.id)
            asked = int((one.transcript or {}).get("asked", 0)) + 1
            if asked > rules.transcripts:
                return no("too_many", "It was sent already.")
            wish = {"address": address, "go_on": wanted.go_on, "asked": asked}
            one = await self._store.update(one.id, transcript=wish)
        room = self._rooms.all.get(one.id)
        if room is not None and room.state != "ended":
            if wanted.go_on:
                self._ending.end(room, "mail")
        else:
            self._hub.spawn(self._sent(one, wish))
        return {"ok": True}

    def ended(self, room: Room) -> None:
        """It is over: what was asked for before is sent."""
        if self._send is not None:
            self._hub.spawn(self._send_wanted(room.id))

    async def _send_wanted(self, conversation: str) -> None:
        one = await self._store.conversation(conversation)
        if one.transcript is not None:
            await self._sent(one, one.transcript)

    async def _sent(self, one: StoredConversation, wish: Mapping[str, Any]) -> None:
        letter = Letter(
            conversation=one.id, queue=self._label(one.queue), language=one.language, address=str(wish["address"]),
            at=one.opened_at, go_on=bool(wish.get("go_on")),
        )  # fmt: skip
        mail = mail_of(letter, await self.whole(one.id), self._sender)
        assert self._send is not None
        for wait in (*RETRY_SECONDS, None):
            try:
                await self._send(mail)
            except Exception as error:
                log.warning("the transcript of a chat could not be sent: %s", type(error).__name__)
                if wait is not None:
                    await self.pause(wait)
            else:
                await self._noted(one.id)
                return

    async def _noted(self, conversation: str) -> None:
        """It was sent; how often it was asked for meanwhile stays."""
        async with self._turn:
            one = await self._store.conversation(conversation)
            wish = {**(one.transcript or {}), "sent_at": self._hub.wall()}
            await self._store.update(conversation, transcript=wish)

    async def whole(self, conversation: str) -> list[StoredLine]:
        """All lines of it."""
        found: list[StoredLine] = []
        while True:
            page = await self._store.lines(conversation, found[-1].number if found else 0)
            found += page
            if not page:
                return found

    def _label(self, queue: str) -> str:
        known = self._hub.distributor.settings.queues.values()
        return next((one.label for one in known if one.name == queue and one.label), queue)
