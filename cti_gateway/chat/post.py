"""What comes after a conversation: how it was, and its transcript by mail."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from cti_gateway.chat.correspondence import AT_ITS_END
from cti_gateway.chat.ending import Ending
from cti_gateway.chat.opening import refused as no
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.chat.rules import SiteRules
from cti_gateway.chat.speech import clean
from cti_gateway.mail_outbox import Outbox
from interaction_log.chats import StoredConversation
from interaction_log.mails import Outgoing
from interaction_log.masking import mask_cards
from interaction_log.records import Conflict, NotFound
from webchat import wire
from webchat.ports import Visitor
from webchat.wire import Ack
from webchat.wire import Ending as EndedBy

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

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
    """``outbox`` ``None``: there is no mail server."""

    def __init__(
        self,
        rooms: Rooms,
        store: StoredChats,
        surveys: Surveys | None,
        sites: Mapping[str, SiteRules],
        ending: Ending,
        outbox: Outbox | None = None,
    ) -> None:
        self._rooms, self._store, self._surveys, self._sites = rooms, store, surveys, sites
        self._ending, self._outbox, self._hub = ending, outbox, rooms.hub
        self.go_on: Callable[[Room, str], Awaitable[None]] = _nobody
        """He goes on by mail, at this address: whoever he talks to may have something to answer."""
        self._turn = asyncio.Lock()
        """Counting what was asked for and noting what was sent do not meet."""
        ending.kept = self.ended

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
        """When it is over (now, if it is). ``go_on``: when he leaves, it goes on by mail."""
        rules, one = self._sites.get(visitor.site), await self._last(visitor)
        if self._outbox is None or rules is None or rules.transcripts <= 0:
            return no("not_supported", "No mail is sent from here.")
        if one is None:
            return no("no_conversation", "There is no conversation.")
        address = wanted.address.strip()
        if not (address.isascii() and _ADDRESS.fullmatch(address)):
            return no("invalid_address", "This is no mail address.", "address")
        if not await self._answered(one):
            return no("not_answered", "Nobody answered yet, so there is nothing to be sent.")
        async with self._turn:
            fault = await self._wished(self._outbox, one.id, address, wanted.go_on, rules.transcripts)
        if fault is not None:
            return fault
        room = self._rooms.all.get(one.id)
        if room is not None and room.state != "ended":
            room.goes_on = address if wanted.go_on else None
        self._outbox.wake()
        return {"ok": True}

    async def leave(self, room: Room, by: EndedBy) -> None:
        """He is gone, or goes: the chat ends, and a question that nobody answered goes on by mail if he wants that."""
        if room.goes_on is not None and room.state != "ended":
            await self.go_on(room, room.goes_on)
            by = "mail"
        self._ending.end(room, by)

    async def _wished(self, outbox: Outbox, of: str, address: str, go_on: bool, most: int) -> Ack | None:
        """Kept, and to be sent: those that were asked for before its end are one, at the end."""
        one = await self._store.conversation(of)
        told: Mapping[str, Any] = one.transcript or {}
        asked = int(told.get("asked", 0)) + 1
        if asked > most:
            return no("too_many", "It was sent already.")
        wish = {**told, "asked": asked}
        if one.state == "ended":
            wish["later"] = {**told.get("later", {}), str(asked): address}
            wish.setdefault("address", address)
        else:
            wish |= {"address": address, "go_on": go_on}
        await self._store.update(of, transcript=wish)
        key, at = str(asked) if one.state == "ended" else AT_ITS_END, self._hub.wall()
        await outbox.put(Outgoing(id=f"{of}:{key}", conversation=of, kind="transcript", made_at=at, next_at=at))
        return None

    async def ended(self, conversation: str) -> None:
        """It is over, and the store knows: what was asked for before is sent."""
        if self._outbox is not None:
            await self._outbox.hurry(f"{conversation}:{AT_ITS_END}")


async def _nobody(room: Room, address: str) -> None:
    """Nobody has anything to answer."""
