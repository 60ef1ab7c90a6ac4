"""When nobody is there, or it takes too long: a message for later, or a call that keeps the place in line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.chat.ending import Ending
from cti_gateway.chat.opening import fault_of, new_conversation, queue_of
from cti_gateway.chat.opening import refused as no
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.chat.rules import SiteRules
from cti_gateway.chat.speech import Speech, clean
from cti_gateway.chat.views import stored_view
from cti_gateway.chat.wishes import CallbackLine, callback_view, window_fault, wish_of
from interaction_log import events as e
from interaction_log.callback import Callback
from interaction_log.chats import ChatEnding, NewLine, StoredConversation
from interaction_log.identity import interaction_id, parse_phone
from interaction_log.masking import mask_cards, mask_number
from interaction_log.records import Conflict, NotFound
from routing.acd.model import Following
from routing.hours import Hours
from webchat import wire
from webchat.ports import Visitor
from webchat.wire import Ack, Conversation

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

OUTCOMES: Final[Mapping[ChatEnding, e.Outcome]] = {"message": "voicemail", "callback": "timeout"}
"""As with calls: a message followed; he left the line by time and is called instead."""


class Promises:
    """``region``: ISO 3166-1 alpha-2 for numbers without a country code."""

    def __init__(
        self,
        rooms: Rooms,
        store: StoredChats,
        sites: Mapping[str, SiteRules],
        speech: Speech,
        ending: Ending,
        region: str,
    ) -> None:
        self._rooms, self._store, self._sites = rooms, store, sites
        self._speech, self._ending, self._region, self._hub = speech, ending, region, rooms.hub
        self.line: CallbackLine | None = None
        self.hours: Callable[[str, str], Hours | None] = lambda pbx, queue: None
        """When somebody calls for this queue; ``None``: always."""
        self.let_choose: Callable[[Room], None] = lambda room: None
        """He has some time to take what he is offered; his place is kept meanwhile."""
        self._asking: dict[str, asyncio.Lock] = {}
        self._conversations: dict[str, tuple[str, str]] = {}
        self._taken_back: set[str] = set()
        """Conversation and visitor by callback's id."""

    # --- what the visitor is shown -------------------------------------------------------------------------

    def shown(self, one: StoredConversation) -> Conversation:
        """A conversation that is over, with what became of its callback by now."""
        view = stored_view(one)
        state = self._state((one.callback or {}).get("id", ""), (one.callback or {}).get("state"))
        if view["callback"] is not None and one.callback is not None:
            view["callback"] = callback_view({**one.callback, "state": state})
        return view

    def _state(self, callback_id: str, last: Any) -> Any:
        live = self.line.all.get(callback_id) if self.line is not None else None
        if live is None:
            return last
        return "calling" if live.state == "dialling" else "waiting"

    def waited_too_long(self, conversation: str, then: Following) -> None:
        """The queue lets nobody wait longer: he is told what there is instead, and may take it."""
        room = self._rooms.all.get(conversation)
        if room is None or room.state == "ended":
            return
        offers = {"message": "offer_message", "voicemail": "offer_message", "callback": "offer_callback"}
        self._speech.happened(room, offers.get(then, "nobody_came"))
        if then in offers:
            self.let_choose(room)
        else:
            self._ending.end(room, "closed", "timeout")

    # --- a message -----------------------------------------------------------------------------------------

    async def leave_message(self, visitor: Visitor, wanted: wire.LeaveMessage) -> Ack:
        """Kept as a conversation that is over, and on the list of what is to be worked."""
        rules = self._sites.get(visitor.site)
        if rules is None or not rules.message:
            return no("not_supported", "No message can be left here.")
        text = mask_cards(clean(wanted.text)).text
        if not text:
            return no("empty", "There is nothing to be sent.", "text")
        before = await self._left_before(visitor, wanted.id)
        if before is not None:
            return {"ok": True, "conversation": self.shown(before)}
        room, reply = self._rooms.open_of(visitor.id), clean(wanted.reply_to or "")
        try:
            if room is not None and not room.members:
                return await self._instead(room, wanted.id, text, reply)
            return await self._left(visitor, rules, wanted, text, reply)
        except Conflict:
            return no("used", "This id was used before.", "id")

    async def _instead(self, room: Room, line_id: str, text: str, reply: str) -> Ack:
        """Who waits leaves a message and waits no longer: what he was asked at the beginning is kept already."""
        await self._speech.say(room, "visitor", line_id, text, name=room.name)
        if reply:
            self._speech.happened(room, "reply_to", reply)
        self._ending.end(room, "message", "voicemail")
        await self._hub.log.durable(self._hub.last_seq)
        return {"ok": True, "conversation": self._rooms.conversation(room)}

    async def _left(self, visitor: Visitor, rules: SiteRules, wanted: wire.LeaveMessage, text: str, reply: str) -> Ack:
        """A conversation that is a message and nothing else; asked the same as before a chat."""
        queue = queue_of(rules, wanted)
        fault = fault_of(rules, wanted, queue)
        if fault is not None:
            return fault
        stored = await self._closed(visitor, wanted, queue or "", "message", reply=reply)
        line = NewLine(id=wanted.id, by="visitor", at=stored.opened_at, text=text, name=stored.name)
        await self._store.say(stored.id, line)
        await self._logged(stored, "message")
        return {"ok": True, "conversation": self.shown(stored)}

    async def _left_before(self, visitor: Visitor, line_id: str) -> StoredConversation | None:
        """The conversation of a message that was left with this id, if it was."""
        for one in await self._store.of_visitor(visitor.id, 1):
            lines = await self._store.lines(one.id, max(0, one.last - 50)) if one.ended_by == "message" else ()
            if any(line.id == line_id for line in lines):
                return one
        return None

    async def _closed(
        self,
        visitor: Visitor,
        wanted: wire.Beginning,
        queue: str,
        by: ChatEnding,
        *,
        reply: str = "",
        callback: Mapping[str, Any] | None = None,
    ) -> StoredConversation:
        """A conversation that begins as over. The same client's id again: the one that there is."""
        begun = new_conversation(visitor, self._sites[visitor.site], wanted, queue, self._hub.wall())
        form = {**begun.form, "email": reply} if reply else begun.form
        return await self._store.open(replace(begun, form=form, state="ended", ended_by=by, callback=callback))

    async def _logged(self, stored: StoredConversation, by: ChatEnding) -> None:
        """It is in the log as a contact too, once."""
        if self._hub.distributor.interactions.get(stored.id) is None:
            at, of, queue = stored.opened_at, stored.id, stored.queue
            pbx = self._sites[stored.site].queues.get(queue, "")
            started = e.InteractionStarted(
                at=at, interaction_id=of, pbx=pbx, channel="chat", direction="inbound", customer_address=None,
                customer_name=stored.name, dialled=None, unique_id="", linked_id="",
            )  # fmt: skip
            over = e.InteractionEnded(at=at, interaction_id=of, outcome=OUTCOMES[by], ended_by="customer")
            entered = e.QueueEntered(at=at, interaction_id=of, queue=queue)
            left = e.QueueLeft(at=at, interaction_id=of, queue=queue, result="left")
            self._hub.dispatch.passing.add(of)  # nobody is asked to take it
            self._hub.take([started, entered, left, over])
            self._hub.dispatch.passing.discard(of)
        await self._hub.log.durable(self._hub.last_seq)

    async def restore(self) -> None:
        """A start: whose callbacks stand in line, so that their widgets hear what becomes of them."""
        for one in list(self.line.all.values()) if self.line is not None else ():
            try:
                stored = await self._store.conversation(one.requested_in or "")
            except NotFound:
                continue  # asked for on the telephone, or erased meanwhile
            self._conversations[one.id] = stored.id, stored.visitor

    # --- a call --------------------------------------------------------------------------------------------

    async def request_callback(self, visitor: Visitor, wanted: wire.RequestCallback) -> Ack:
        """A wish for a call, in the place that he has now. One at a time for each visitor."""
        lock = self._asking.setdefault(visitor.id, asyncio.Lock())
        try:
            async with lock:
                return await self._request(visitor, wanted)
        finally:
            if not lock.locked():
                self._asking.pop(visitor.id, None)

    async def _request(self, visitor: Visitor, wanted: wire.RequestCallback) -> Ack:
        known = self._conversations.get(wanted.id)
        if known is not None and known[1] == visitor.id:
            return {"ok": True, "conversation": self.shown(await self._store.conversation(known[0]))}
        rules, line = self._sites.get(visitor.site), self.line
        if rules is None or not rules.callback or line is None:
            return no("not_supported", "Nobody calls back from here.")
        return await self._wished(visitor, wanted, rules, line)

    async def _wished(
        self, visitor: Visitor, wanted: wire.RequestCallback, rules: SiteRules, line: CallbackLine
    ) -> Ack:
        number = parse_phone(clean(wanted.phone), self._region)
        if number is None or not line.may_call(number.e164):
            return no("invalid_number", "This number cannot be called.", "phone")
        room = self._rooms.open_of(visitor.id)
        if room is not None and room.members:
            return no("talking", "Somebody is with you already.")
        asked = queue_of(rules, wanted)
        fault = fault_of(rules, wanted, asked) if room is None else None
        if fault is not None:
            return fault
        queue = room.queue if room is not None else asked or ""
        pbx = rules.queues.get(queue, "")
        hours, now = self.hours(pbx, queue), self._hub.wall()
        fault = window_fault(wanted, hours, now)
        if fault is not None:
            return fault
        if line.find(pbx, queue, number.e164) is not None:
            return no("asked_already", "This number will be called already.")
        of = room.id if room is not None else interaction_id("chat", visitor.id, wanted.id)
        since = self._since(room)
        name = room.name if room is not None else new_conversation(visitor, rules, wanted, queue, since).name
        opens = hours.next_opening(now) if hours is not None else None
        one = wish_of(
            wanted, (pbx, queue), number.e164, name or "", since=since, requested_in=of, now=now, opens=opens or now
        )
        return await self._promised(visitor, wanted, line, room, one)

    def _since(self, room: Room | None) -> float:
        """The place in line: when he began to wait."""
        one = self._hub.distributor.interactions.get(room.id) if room is not None else None
        entered = [v.entered_at for v in one.queue_visits if v.entered_at is not None] if one is not None else []
        return min(entered, default=self._hub.wall())

    async def _promised(
        self, visitor: Visitor, wanted: wire.RequestCallback, line: CallbackLine, room: Room | None, one: Callback
    ) -> Ack:
        kept = {
            "id": one.id, "phone": mask_number(one.address), "from": wanted.since, "to": wanted.until,
            "state": "waiting",
        }  # fmt: skip
        if not await line.promise(one):
            return no("not_kept", "This could not be noted now; please try again.")
        if room is not None:
            stored = await self._store.update(room.id, callback=kept)
            self._rooms.callbacks[room.id] = callback_view(kept)
            self._ending.end(room, "callback", "timeout")
            await self._hub.log.durable(self._hub.last_seq)
        else:
            stored = await self._closed(visitor, wanted, one.queue, "callback", callback=kept)
            await self._logged(stored, "callback")
        self._conversations[one.id] = stored.id, visitor.id
        live = self._rooms.all.get(stored.id)
        return {"ok": True, "conversation": self._rooms.conversation(live) if live else self.shown(stored)}

    async def cancel_callback(self, visitor: Visitor) -> Ack:
        """No call is wanted any more."""
        found = await self._store.of_visitor(visitor.id, 5)
        one = next((c for c in found if (c.callback or {}).get("state") in ("waiting", "calling")), None)
        if one is None or one.callback is None or self.line is None:
            return no("no_callback", "No call was asked for.")
        wish = str(one.callback["id"])
        self._taken_back.add(wish)  # before: what the line tells of its end is not that it failed
        try:
            await self.line.cancel(wish)
        except Conflict:
            self._taken_back.discard(wish)
            return no("calling", "You are being called now.")
        except NotFound:
            pass  # it is over; the store has not heard of it
        stored = await self._store.update(one.id, callback={**one.callback, "state": "cancelled"})
        self._tell(stored, visitor.id)
        return {"ok": True, "conversation": self.shown(stored)}

    def _tell(self, stored: StoredConversation, visitor: str) -> None:
        if stored.callback is not None and stored.id in self._rooms.all:
            self._rooms.callbacks[stored.id] = callback_view(stored.callback)
            self._rooms.tell_visitor(self._rooms.all[stored.id])
        else:
            self._rooms.screens.tell(visitor, "conversation", self.shown(stored))

    def moved(self, event: e.CallbackAttempted | e.CallbackClosed) -> None:
        """A callback is tried, or over: the widget shows it."""
        of = self._conversations.get(event.callback_id)
        if of is not None and event.callback_id not in self._taken_back:
            state = "calling" if isinstance(event, e.CallbackAttempted) else event.state
            self._hub.spawn(self._moved(*of, state))

    async def _moved(self, conversation: str, visitor: str, state: str) -> None:
        one = await self._store.conversation(conversation)
        if one.callback is None or one.callback.get("state") == "cancelled":
            return
        self._tell(await self._store.update(conversation, callback={**one.callback, "state": state}), visitor)
