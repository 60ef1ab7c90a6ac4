"""Channels come and go: where contacts begin and end. Pure."""

from __future__ import annotations

import re
from typing import Final

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.bridging import Bridging
from cti_gateway.tracking.channels import Channel
from cti_gateway.tracking.contact import Contact, OutsideLeg
from cti_gateway.tracking.parties import is_announcer
from cti_gateway.tracking.registry import KEPT_CLOSED
from interaction_log import events as e
from interaction_log.identity import caller_address

# AST_STATE_… of Asterisk's include/asterisk/channelstate.h
_RING, _UP = "4", "6"
SHUTDOWN_SECONDS: Final = 5.0
"""Calls that ended without anybody's request at most so long before ``Shutdown`` were ended by it (1 s measured)."""
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"t": "\t", "n": "\n", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def plain_name(text: str) -> str | None:
    """A caller's name as a person reads it: AMI's C escapes undone (AMI-FACTS 6.21); ``None`` if there is none."""
    if "\\" in text:
        text = _ESCAPE.sub(lambda m: _ESCAPED.get(m.group(1), m.group(1)), text)
    text = text.strip()
    return None if not text or text == "<unknown>" else text


class Lifecycle(Bridging):
    """Reads the messages about single channels."""

    def new_channel(self, m: Message, at: float | None) -> None:
        """``Newchannel``: the beginning of a leg, perhaps of a contact."""
        unique_id, name = m.get("Uniqueid"), m.get("Channel")
        if not unique_id or not name or is_announcer(name):
            return
        if unique_id in self.topology.by_id or unique_id in self.gone:
            return
        self._admit(_channel_from(m, at, incoming=m.get("ChannelState") in ("4", "5", "6")), at)

    def _admit(self, channel: Channel, at: float | None) -> None:
        """A new channel: of a contact that we know by its Linkedid, the first of one, or nobody's yet."""
        self.topology.add(channel)
        contact = self.by_linked.get(channel.linked_id)
        if contact is not None and not contact.interaction.ended:
            self.attach(contact, channel, at)
        elif channel.is_local:
            channel.originated = True
        elif not channel.incoming:
            self._note_originated(channel)
        else:
            self._came_in(channel, at)

    def _came_in(self, channel: Channel, at: float | None) -> None:
        """From an agent's phone it is nobody's call yet, from outside it is a contact."""
        if self.parties.is_agent(channel.device):
            self._mark_consultation(channel, at)
        else:
            self.open_inbound(channel, at)

    def _note_originated(self, channel: Channel) -> None:
        """A leg that nobody dialled from another: a failing ``OriginateResponse`` names it by its device only."""
        channel.originated = channel.unique_id == channel.linked_id
        if channel.originated:
            self._originated[channel.device] = channel
            while len(self._originated) > KEPT_CLOSED:
                self._originated.popitem(last=False)

    def _mark_consultation(self, channel: Channel, at: float | None) -> None:
        """An agent who has a customer and opens a second line consults: no interaction of its own."""
        contact = self.contact_with_leg(channel.device)
        if contact is not None:
            channel.consult = True
            self.attach(contact, channel, at)
            self.by_linked[channel.linked_id] = contact

    def open_inbound(self, channel: Channel, at: float | None) -> Contact:
        """Somebody calls from outside."""
        contact = self.open_contact(
            "inbound",
            channel,
            address=caller_address(channel.number, self.profile.default_region),
            name=plain_name(channel.caller_name),
            dialled=channel.exten or None,
            at=at,
        )
        contact.customer = channel
        return contact

    def new_state(self, m: Message, at: float | None) -> None:
        """``Newstate``: whether the leg is up; and ``Ring`` on a lone leg: chan_sip's way to say that it came in."""
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is None:
            return
        state = m.get("ChannelState")
        if state == _UP:
            channel.up = True
        elif state == _RING and channel.contact is None and not channel.incoming and not channel.is_local:
            channel.incoming, channel.originated = True, False
            self._originated.pop(channel.device, None)
            channel.number, channel.caller_name = m.get("CallerIDNum"), m.get("CallerIDName")
            self._came_in(channel, at)

    def new_caller_id(self, m: Message, at: float | None) -> None:
        """A name or number that came after the channel (a look-up in the dialplan, a late identity)."""
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is None or channel.contact is None or channel.contact.customer is not channel:
            return
        contact = channel.contact
        if contact.interaction.direction != "inbound" or contact.interaction.answered:
            return
        name, number = plain_name(m.get("CallerIDName")), self.address(m.get("CallerIDNum"))
        known = contact.interaction
        fresh_name = name if known.customer_name is None else None
        fresh_number = number if known.customer_address is None else None
        if fresh_name is not None or fresh_number is not None:
            contact.emit(
                e.InteractionAmended(
                    at=at, interaction_id=contact.id, customer_name=fresh_name, customer_address=fresh_number
                )
            )

    def hangup_request(self, m: Message, at: float | None) -> None:
        """``HangupRequest``: the far end hung up."""
        channel = self._believed(m, at)
        if channel is None or channel.hangup_requested:
            return
        channel.hangup_requested, channel.hangup_requested_at = True, at
        channel.request_cause = m.get("Cause")

    def soft_hangup_request(self, m: Message, at: float | None) -> None:
        """Somebody asked the PBX to hang up this leg (a console): it counts while nobody else has asked."""
        channel = self._believed(m, at)
        if channel is None or channel.hangup_requested or channel.bridge is None:
            return
        others = self.topology.heard_by(channel)
        if others and not any(o.hangup_requested for o in others) and m.get("Cause") in ("16", ""):
            channel.hangup_requested, channel.hangup_requested_at = True, at

    def hangup(self, m: Message, at: float | None) -> None:
        """``Hangup``: comes after the ``h`` extension has run."""
        channel = self._believed(m, at)
        if channel is not None:
            self.channel_gone(channel, m.get("Cause"), m.get("TechCause"), at)

    def channel_gone(
        self, channel: Channel, cause: str, tech_cause: str, at: float | None, inferred: bool = False
    ) -> None:
        """A channel does not exist any more."""
        contact = channel.contact
        self.end_recordings(channel, at, inferred)
        near = self._contacts_near(channel)
        if contact is not None and channel.bridge is not None:
            channel.left_bridge_at = at
            self._note_who_left(contact, channel)
        self.topology.remove(channel)
        self._remember_gone(channel.unique_id, channel.created_at)
        if contact is not None and not contact.interaction.ended:
            contact.ring_channel_gone(channel, cause, at)
            self._leg_gone(contact, channel, cause, tech_cause, at, inferred)
        for other in near:
            self.refresh(other, at)

    def _leg_gone(
        self, contact: Contact, channel: Channel, cause: str, tech_cause: str, at: float | None, inferred: bool
    ) -> None:
        leg = contact.leg_of(channel)
        if leg is not None:
            leg.away = True
            self._end_leg(contact, leg.channel.device, at)
        if channel is contact.customer:
            self._customer_gone(contact, channel, cause, tech_cause, at, inferred)
        elif channel is contact.caller:
            self._caller_gone(contact, at, inferred)

    def _customer_gone(
        self, contact: Contact, channel: Channel, cause: str, tech_cause: str, at: float | None, inferred: bool
    ) -> None:
        if contact.interaction.direction == "outbound" and not contact.interaction.answered:
            self._outside_gone(contact, channel, cause, tech_cause, at)
            if contact.caller is not None and contact.caller.unique_id in self.topology.by_id:
                return
        self.end_contact(contact, channel.hangup_requested_at if channel.hangup_requested else at, inferred)

    def _outside_gone(self, contact: Contact, channel: Channel, cause: str, tech_cause: str, at: float | None) -> None:
        leg = contact.outside or OutsideLeg()
        contact.outside = leg
        leg.cause = channel.request_cause or cause
        leg.tech_cause = leg.tech_cause or tech_cause
        leg.by_far_end = channel.hangup_requested
        leg.ended_at = channel.hangup_requested_at if channel.hangup_requested else at

    def _caller_gone(self, contact: Contact, at: float | None, inferred: bool) -> None:
        """The agent's own leg of an outbound call is gone: an unanswered call ends with it."""
        if contact.interaction.answered or contact.interaction.direction != "outbound":
            return
        customer = contact.customer
        if customer is not None and customer.unique_id in self.topology.by_id:
            return
        stop = contact.outside.ended_at if contact.outside is not None else None
        self.end_contact(contact, stop if stop is not None else at, inferred)

    def shutdown(self, m: Message, at: float | None) -> None:
        """The PBX goes down in order: it hung up all calls just before, and nobody else did (AMI-FACTS 6.19)."""
        for contact in reversed(self._ended.values()):
            i = contact.interaction
            if at is not None and i.ended_at is not None and at - i.ended_at > SHUTDOWN_SECONDS:
                break
            if i.ended_by == "system":
                self._amend_lost(contact, at)

    def _amend_lost(self, contact: Contact, at: float | None) -> None:
        if contact.interaction.answered or contact.interaction.direction == "outbound":
            return
        visit = contact.last_visit()
        if visit is not None and visit.result in ("timeout", "left"):
            contact.leave_queue(visit.queue, "pbx_lost", visit.left_at)
        contact.emit(e.InteractionAmended(at=at, interaction_id=contact.id, outcome="pbx_lost", ended_by="system"))


def _channel_from(m: Message, at: float | None, *, incoming: bool) -> Channel:
    channel = Channel(m.get("Channel"), m.get("Uniqueid"), m.get("Linkedid") or m.get("Uniqueid"), at, incoming)
    channel.number, channel.caller_name = m.get("CallerIDNum"), m.get("CallerIDName")
    channel.exten, channel.context = m.get("Exten"), m.get("Context")
    channel.up = m.get("ChannelState") == "6"
    return channel
