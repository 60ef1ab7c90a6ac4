"""Stop 3, the call tracker: messages of one PBX in, interaction events out. Pure.

:data:`TABLE` says which message is read by which method; everything else is ignored. The rules rest on
channels, bridges and dials (order is promised per channel only, AMI-FACTS 2), and the queue's own events
explain them; no rule needs ``VarSet``, ``Newexten`` or any other event that a site may filter away.

A block that claims a hang-up, a bridge or a pause counts only when its channel and Uniqueid are a pair
that we know: callers can write into the stream (AMI-FACTS 6.23). Others are counted in
:attr:`CallTracker.suspicious` and reported, and live the PBX is asked.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.channels import Channel, Topology
from cti_gateway.tracking.contact import Contact, OutsideLeg, PendingTransfer
from cti_gateway.tracking.members import QueueMembers
from cti_gateway.tracking.mend import Mender
from cti_gateway.tracking.outcome import ended_by, outcome_of
from cti_gateway.tracking.parties import Parties, PbxProfile, device_of, is_announcer
from cti_gateway.tracking.snapshot import Snapshot
from interaction_log import events as e
from interaction_log.identity import caller_address, interaction_id
from interaction_log.interaction import Interaction

__all__ = ["TABLE", "CallTracker", "PbxProfile"]

KEPT_CLOSED: Final = 2_000
"""Closed interactions that late events may still correct; a busy site closes some hundred an hour."""
KEPT_GONE: Final = 20_000
"""Uniqueids of channels that are gone: a repeated block must not open them again. About 100 bytes each."""
SHUTDOWN_SECONDS: Final = 5.0
"""Calls that ended without anybody's request at most so long before ``Shutdown`` were ended by it (1 s measured)."""
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"t": "\t", "n": "\n", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_PAUSE_HEADERS: Final = (
    "Queue",
    "MemberName",
    "Interface",
    "Membership",
    "Penalty",
    "CallsTaken",
    "LastCall",
    "Status",
    "Paused",
)


def plain_name(text: str) -> str | None:
    """A caller's name as a person reads it: AMI's C escapes undone (AMI-FACTS 6.21); ``None`` if there is none."""
    if "\\" in text:
        text = _ESCAPE.sub(lambda m: _ESCAPED.get(m.group(1), m.group(1)), text)
    text = text.strip()
    return None if not text or text == "<unknown>" else text


def is_whole_pause_block(message: Message) -> bool:
    """Whether a ``QueueMemberPause`` has all that the PBX writes; an injected one has 79 bytes at most."""
    return all(name in message for name in _PAUSE_HEADERS)


class CallTracker:
    """The calls of one PBX. Feed it the messages of the event connection in their order.

    ``boot``: names this life of the PBX (its start time), part of the interaction ids.
    """

    def __init__(self, profile: PbxProfile, boot: str = "") -> None:
        self.profile = profile
        self.boot = boot
        self.parties = Parties(profile)
        self.topology = Topology()
        self.contacts: dict[str, Contact] = {}
        self.interactions: OrderedDict[str, Interaction] = OrderedDict()
        self.suspicious = 0
        self.unknown_events = 0
        self.last_at: float | None = None
        self._by_linked: dict[str, Contact] = {}
        self._gone: OrderedDict[str, float | None] = OrderedDict()
        self._mender = Mender()
        self.members = QueueMembers()
        self._ended: OrderedDict[str, Contact] = OrderedDict()
        self._out: list[e.Event] = []
        self._originated: OrderedDict[str, Channel] = OrderedDict()
        self.snapshot = Snapshot(self)

    # --- in and out --------------------------------------------------------------------------------

    def feed(self, message: Message, received_at: float | None = None) -> list[e.Event]:
        """One message; the events that follow from it, in order. Never raises for what a PBX or a caller sends."""
        for whole in self._mender.take(message):
            self._step(whole, received_at)
        return self._take()

    def flush(self) -> list[e.Event]:
        """The stream ends here: read a torn block as far as it came."""
        for whole in self._mender.flush():
            self._step(whole, None)
        return self._take()

    def _step(self, message: Message, received_at: float | None) -> None:
        step = TABLE.get(message.name) if message.kind == "event" else None
        if step is None:
            if message.kind == "response":
                self.snapshot.response(message, self.last_at)
            return
        at = message.timestamp
        if at is None:
            at = received_at
        else:
            self.last_at = at
        if self._mender.mended:
            self._mender.mended = 0
            self._suspect(message, at, "cut in two by a line break in a number")
        step(self, message, at)

    def _take(self) -> list[e.Event]:
        if not self._out:
            return []
        out, self._out = self._out, []
        return out

    def emit(self, event: e.Event) -> None:
        """Hand an event to the outbox."""
        self._out.append(event)

    # --- what others ask ---------------------------------------------------------------------------

    def channel_of(self, interaction: str, device: str) -> str | None:
        """The name of this device's channel in the interaction, connected or ringing; for call control."""
        contact = self.contacts.get(interaction)
        if contact is None:
            return None
        leg = contact.legs.get(device)
        if leg is not None:
            return leg.channel.name
        for ring in contact.rings.values():
            if ring.channel.device == device:
                return ring.channel.name
        caller = contact.caller
        return caller.name if caller is not None and caller.device == device else None

    def customer_channel(self, interaction: str) -> str | None:
        """The name of the customer's channel."""
        contact = self.contacts.get(interaction)
        return contact.customer.name if contact is not None and contact.customer is not None else None

    def link_lost(self, at: float | None, reason: str) -> list[e.Event]:
        """The event stream broke: what we believe is old until the next snapshot."""
        self.snapshot.link_lost(at if at is not None else self.last_at)
        if at is not None or reason:
            self.emit(e.LinkLost(at=at if at is not None else self.last_at, pbx=self.profile.name, reason=reason))
        return self._take()

    def begin_resync(self, at: float | None) -> None:
        """The snapshots are asked for now; their answers come through :meth:`feed`, in the order of the stream."""
        self.snapshot.begin(at)

    def end_resync(self, at: float | None, *, restarted: bool = False) -> list[e.Event]:
        """All snapshots were read: the gap becomes a record that people can see."""
        self.snapshot.end(at, restarted)
        return self._take()

    def give_up(self, at: float | None) -> list[e.Event]:
        """The PBX never came back: close what is open."""
        for contact in list(self.contacts.values()):
            self.snapshot.close_lost(contact)
        return self._take()

    def restore(self, interactions: Iterable[Interaction], last_at: float | None = None) -> None:
        """Take over open interactions from the log, after our own end; the next snapshot says what became of them.

        ``last_at``: time of the last event in the log.
        """
        self.last_at = last_at
        for interaction in interactions:
            contact = self._adopt(interaction)
            for linked in interaction.linked_ids:
                self._by_linked[linked] = contact
        self.snapshot.link_lost(self.last_at)

    def _adopt(self, interaction: Interaction) -> Contact:
        contact = Contact(interaction, self.emit)
        contact.from_snapshot = True
        self.contacts[interaction.id] = contact
        self.interactions[interaction.id] = interaction
        return contact

    def contact_of_unique_id(self, unique_id: str) -> Contact | None:
        """The open contact that this Uniqueid once belonged to."""
        return next((c for c in self.contacts.values() if unique_id in c.interaction.unique_ids), None)

    # --- channels ----------------------------------------------------------------------------------

    def _new_channel(self, m: Message, at: float | None) -> None:
        unique_id, name = m.get("Uniqueid"), m.get("Channel")
        if not unique_id or not name or is_announcer(name):
            return
        if unique_id in self.topology.by_id or unique_id in self._gone:
            return
        self._admit(_channel_from(m, at, incoming=m.get("ChannelState") in ("4", "5", "6")), at)

    def _admit(self, channel: Channel, at: float | None) -> None:
        """A new channel: of a contact that we know by its Linkedid, the first of one, or nobody's yet."""
        self.topology.add(channel)
        contact = self._by_linked.get(channel.linked_id)
        if contact is not None and not contact.interaction.ended:
            self.attach(contact, channel, at)
        elif channel.is_local:
            channel.originated = True
        elif not channel.incoming:
            self._note_originated(channel)
        elif self.parties.is_agent(channel.device):
            self._mark_consultation(channel, at)
        else:
            self._open_inbound(channel, at)

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
            self._by_linked[channel.linked_id] = contact

    def contact_with_leg(self, device: str) -> Contact | None:
        """The contact in which this device has the customer now."""
        return next((c for c in self.contacts.values() if device in c.legs), None)

    def attach(self, contact: Contact, channel: Channel, at: float | None) -> None:
        """A channel belongs to a contact."""
        channel.contact = contact
        known = contact.interaction
        if channel.unique_id not in known.unique_ids or channel.linked_id not in known.linked_ids:
            contact.emit(
                e.ChannelAttached(
                    at=at, interaction_id=contact.id, unique_id=channel.unique_id, linked_id=channel.linked_id
                )
            )

    def open_contact(
        self,
        direction: e.Direction,
        first: Channel,
        *,
        address: str | None,
        name: str | None,
        dialled: str | None,
        at: float | None,
        inferred: bool = False,
    ) -> Contact:
        """A contact begins; its id comes from its first channel."""
        new_id = interaction_id(self.profile.name, self.boot, first.unique_id)
        contact = Contact(Interaction(new_id), self.emit)
        self.contacts[new_id] = contact
        self.interactions[new_id] = contact.interaction
        self._by_linked[first.linked_id] = contact
        first.contact = contact
        contact.emit(
            e.InteractionStarted(
                at=at,
                interaction_id=new_id,
                pbx=self.profile.name,
                channel="voice",
                direction=direction,
                customer_address=address,
                customer_name=name,
                dialled=dialled,
                unique_id=first.unique_id,
                linked_id=first.linked_id,
                inferred=inferred,
            )
        )
        return contact

    def address(self, presented: str) -> str | None:
        """A presented number as the customer's address."""
        return caller_address(presented, self.profile.default_region, self.profile.outbound_prefix)

    def _open_inbound(self, channel: Channel, at: float | None) -> None:
        contact = self.open_contact(
            "inbound",
            channel,
            address=caller_address(channel.number, self.profile.default_region),
            name=plain_name(channel.caller_name),
            dialled=channel.exten or None,
            at=at,
        )
        contact.customer = channel

    def _new_state(self, m: Message, at: float | None) -> None:
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is not None and m.get("ChannelState") == "6":
            channel.up = True

    def _new_caller_id(self, m: Message, at: float | None) -> None:
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

    def _hangup_request(self, m: Message, at: float | None) -> None:
        channel = self._believed(m, at)
        if channel is None or channel.hangup_requested:
            return
        channel.hangup_requested, channel.hangup_requested_at = True, at
        channel.request_cause = m.get("Cause")

    def _soft_hangup_request(self, m: Message, at: float | None) -> None:
        """Somebody asked the PBX to hang up this leg (a console): it counts while nobody else has asked."""
        channel = self._believed(m, at)
        if channel is None or channel.hangup_requested or channel.bridge is None:
            return
        others = self.topology.heard_by(channel)
        if others and not any(o.hangup_requested for o in others) and m.get("Cause") in ("16", ""):
            channel.hangup_requested, channel.hangup_requested_at = True, at

    def _believed(self, m: Message, at: float | None) -> Channel | None:
        """The channel of a block, or ``None`` for a block that names no channel that we know."""
        unique_id = m.get("Uniqueid")
        channel = self.topology.pair(m.get("Channel"), unique_id)
        if channel is None and unique_id not in self._gone and not is_announcer(m.get("Channel")):
            self._suspect(m, at, "channel and Uniqueid are not a known pair")
        return channel

    def _suspect(self, m: Message, at: float | None, why: str) -> None:
        self.suspicious += 1
        self.emit(e.SuspiciousBlockSeen(at=at, pbx=self.profile.name, event=m.name, why=why))

    def _hangup(self, m: Message, at: float | None) -> None:
        channel = self._believed(m, at)
        if channel is not None:
            self.channel_gone(channel, m.get("Cause"), m.get("TechCause"), at)

    def channel_gone(
        self, channel: Channel, cause: str, tech_cause: str, at: float | None, inferred: bool = False
    ) -> None:
        """A channel does not exist any more."""
        contact = channel.contact
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

    def _remember_gone(self, key: str, at: float | None) -> None:
        self._gone[key] = at
        while len(self._gone) > KEPT_GONE:
            self._gone.popitem(last=False)

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

    def _end_leg(self, contact: Contact, device: str, at: float | None) -> None:
        leg = contact.legs[device]
        stop = leg.away_at if leg.left == "customer" else leg.channel.left_bridge_at
        contact.disconnect(device, stop if stop is not None else at)

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

    def end_contact(
        self,
        contact: Contact,
        at: float | None,
        inferred: bool = False,
        outcome: e.Outcome | None = None,
        by: e.EndedBy | None = None,
    ) -> None:
        """The customer's end of a contact."""
        contact.settle_leave(
            "abandoned" if contact.customer is not None and contact.customer.hangup_requested else "left"
        )
        self._flush_exten(contact)
        contact.end(outcome or outcome_of(contact), by or ended_by(contact), at, inferred=inferred)
        self.contacts.pop(contact.id, None)
        self._ended[contact.id] = contact
        for linked in contact.interaction.linked_ids:
            if self._by_linked.get(linked) is contact:
                del self._by_linked[linked]
        while len(self._ended) > KEPT_CLOSED:
            old, _ = self._ended.popitem(last=False)
            self.interactions.pop(old, None)

    def _flush_exten(self, contact: Contact) -> None:
        """A customer who was redirected to an extension where nobody rang."""
        customer = contact.customer
        if contact.pending is None and customer is not None:
            self._notice_redirect(contact, f"exten:{customer.exten}", None, only_if_moved=True)

    # --- dials and queues --------------------------------------------------------------------------

    def _dial_begin(self, m: Message, at: float | None) -> None:
        target = self.topology.get(m.get("DestUniqueid"))
        if target is None:
            target = self._late_target(m, at)
        if target is None:
            return
        source = self.topology.get(m.get("Uniqueid")) if "Uniqueid" in m else None
        if source is None:
            self._originated_leg(target, m, at)
            return
        source.exten = m.get("Exten") or source.exten
        self.topology.dial(source, target)
        if target.is_local:
            return
        self._rung(source, target, m, at)

    def _late_target(self, m: Message, at: float | None) -> Channel | None:
        """The dialled channel, if its Newchannel was lost."""
        unique_id, name = m.get("DestUniqueid"), m.get("DestChannel")
        if not unique_id or not name or unique_id in self._gone or is_announcer(name):
            return None
        channel = Channel(name, unique_id, m.get("DestLinkedid") or unique_id, at, incoming=False)
        channel.number = m.get("DestCallerIDNum")
        self._admit(channel, at)
        return channel

    def _originated_leg(self, target: Channel, m: Message, at: float | None) -> None:
        """An Originate rings its own leg: an agent's is nothing yet, the outside's is an outbound call."""
        target.originated = True
        if target.contact is None and not target.is_local and not self.parties.is_agent(target.device):
            number = _dialled_number(m.get("DialString")) or target.number
            contact = self.open_contact(
                "outbound",
                target,
                address=self.address(number),
                name=None,
                dialled=number or None,
                at=target.created_at if target.created_at is not None else at,
            )
            contact.customer = target
            contact.outside = OutsideLeg()

    def _rung(self, source: Channel, target: Channel, m: Message, at: float | None) -> None:
        origin = self.topology.origin(target)
        contact = origin.contact or source.contact
        outside = not self.parties.is_agent(target.device)
        if contact is None or contact.interaction.ended:
            self._first_dial(origin, target, outside, m, at)
            return
        if target.contact is None:
            self.attach(contact, target, at)
        if self._is_consultation(contact, origin, source):
            target.consult = True
            contact.consult_target, contact.consult_rang_at = target, at
        elif outside:
            self._outside_rung(contact, target)
        elif origin is contact.caller and contact.interaction.direction == "outbound":
            contact.consult_target, contact.consult_rang_at = target, at
        else:
            self._offer(contact, target, at)

    def _is_consultation(self, contact: Contact, origin: Channel, source: Channel) -> bool:
        """A ring that no queue and no customer's own call caused, while an agent has the customer."""
        if origin.consult or source.consult:
            return True
        return origin is not contact.customer and bool(contact.legs) and contact.interaction.waiting_in() is None

    def _outside_rung(self, contact: Contact, target: Channel) -> None:
        if contact.interaction.direction == "outbound" and not contact.interaction.answered:
            contact.customer, contact.outside = target, OutsideLeg()
        else:
            contact.joined_outside = True
            self._notice_redirect(contact, f"exten:{self._number_of(contact)}", contact.last_agent)

    def _number_of(self, contact: Contact) -> str:
        return contact.customer.exten if contact.customer is not None else ""

    def _offer(self, contact: Contact, target: Channel, at: float | None) -> None:
        if contact.interaction.waiting_in() is None:
            self._notice_redirect(contact, target.device, contact.last_agent)
        source: e.OfferSource = "transfer" if contact.open_transfer() else "direct"
        contact.flush_pending(target=target.device if contact.interaction.waiting_in() is None else None)
        contact.settle_leave()
        contact.offer(target, at, source)

    def _notice_redirect(self, contact: Contact, target: str, agent: str | None, only_if_moved: bool = False) -> None:
        """Somebody moved the customer without a transfer event (AMI Redirect): elsewhere, and no agent hung up."""
        agent = agent or contact.last_agent
        if agent is None or contact.pending is not None or contact.open_transfer() or contact.interaction.parked_now:
            return
        still_heard = any(not leg.away for leg in contact.legs.values())
        hung_up = contact.last_agent_hung_up or any(leg.channel.hangup_requested for leg in contact.legs.values())
        customer = contact.customer
        moved = customer is not None and contact.last_exten not in ("", customer.exten)
        if still_heard or hung_up or (only_if_moved and not moved) or contact.interaction.conference:
            return
        left_at = next((leg.away_at for leg in contact.legs.values() if leg.away), None)
        contact.end_legs_that_customer_left(left_at)
        contact.start_transfer("redirect", agent, target, left_at)
        contact.last_exten = customer.exten if customer is not None else ""

    def _first_dial(self, origin: Channel, target: Channel, outside: bool, m: Message, at: float | None) -> None:
        """A call that began inside rings somebody for the first time: only now it is a contact."""
        caller = self._caller_behind(origin, target)
        if caller is None:
            return
        if outside:
            self._open_outbound(caller, origin, target, m, at)
        elif caller is not target and not origin.is_local:
            self._open_internal(caller, target, at)

    def _caller_behind(self, origin: Channel, target: Channel) -> Channel | None:
        """The agent's phone that the call began at; behind a Local half it is the phone rung first."""
        if not origin.is_local:
            return origin
        half = self.topology.other_half(origin)
        phones = self.topology.real_targets(origin) + (self.topology.real_targets(half) if half is not None else [])
        return next((p for p in phones if p is not target and self.parties.is_agent(p.device)), None)

    def _open_outbound(self, caller: Channel, origin: Channel, target: Channel, m: Message, at: float | None) -> None:
        exten = m.get("Exten") or origin.exten
        number = _dialled_number(m.get("DialString")) or exten
        first = min((caller, origin, target), key=lambda c: (c.created_at or 0.0, c.unique_id))
        contact = self.open_contact(
            "outbound",
            first,
            address=self.address(number),
            name=None,
            dialled=exten or number or None,
            at=first.created_at if first.created_at is not None else at,
        )
        for channel in (origin, caller, target):
            self.attach(contact, channel, at)
        contact.caller, contact.customer, contact.outside = caller, target, OutsideLeg()

    def _open_internal(self, caller: Channel, target: Channel | None, at: float | None) -> Contact:
        contact = self.open_contact(
            "internal",
            caller,
            address=caller.number or None,
            name=plain_name(caller.caller_name),
            dialled=caller.exten or None,
            at=caller.created_at if caller.created_at is not None else at,
        )
        contact.customer = caller
        if target is not None:
            self.attach(contact, target, at)
            contact.offer(target, at, "direct")
        return contact

    def _dial_end(self, m: Message, at: float | None) -> None:
        target = self.topology.get(m.get("DestUniqueid"))
        if target is None:
            return
        status = m.get("DialStatus")
        contact = target.contact
        if contact is None or contact.interaction.ended:
            return
        if target is contact.customer and contact.outside is not None and not contact.outside.status:
            contact.outside.status = status
        if target.is_local:
            if status != "ANSWER":
                self._end_rings_behind(contact, target, status, at)
            return
        if not target.consult:
            contact.dial_status = "BUSY" if target.request_cause == "17" else status
        contact.dial_ended(target, status, at)

    def _end_rings_behind(self, contact: Contact, local: Channel, status: str, at: float | None) -> None:
        for phone in self.topology.real_targets(local):
            contact.dial_ended(phone, status, at)

    def _agent_called(self, m: Message, at: float | None) -> None:
        self.parties.learn((m.get("Interface"), m.get("StateInterface")))

    def _queue_contact(self, m: Message, at: float | None) -> Contact | None:
        """The contact of the caller that a queue event names; a call from inside becomes one here."""
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is None:
            return self._contact_without_channel(m)
        channel.exten = m.get("Exten") or channel.exten
        if channel.contact is not None:
            return channel.contact
        if channel.is_local:
            half = self.topology.other_half(channel)
            return half.contact if half is not None else None
        return self._open_internal(channel, None, at)

    def _contact_without_channel(self, m: Message) -> Contact | None:
        unique_id = m.get("Uniqueid")
        for contact in reversed(self._ended.values()):
            if unique_id and unique_id in contact.interaction.unique_ids:
                return contact
        return None

    def _queue_caller_join(self, m: Message, at: float | None) -> None:
        contact = self._queue_contact(m, at)
        if contact is None or contact.interaction.ended:
            return
        target = f"queue:{m.get('Queue')}"
        self._notice_redirect(contact, target, contact.last_agent)
        contact.flush_pending(target=target)
        contact.enter_queue(m.get("Queue"), _number(m.get("Position")), at)

    def _queue_caller_abandon(self, m: Message, at: float | None) -> None:
        contact = self._queue_contact(m, at)
        if contact is not None:
            contact.abandon_seen = True

    def _queue_caller_leave(self, m: Message, at: float | None) -> None:
        contact = self._queue_contact(m, at)
        if contact is None or contact.interaction.ended:
            return
        visit = contact.interaction.waiting_in()
        if visit is not None and visit.queue == m.get("Queue"):
            emptied = self.members.emptied_since(visit.queue, visit.entered_at)
            contact.caller_left_queue(visit.queue, at, "no_agent" if emptied else "timeout")

    def _agent_connect(self, m: Message, at: float | None) -> None:
        self.parties.learn((m.get("Interface"),))
        contact = self._queue_contact(m, at)
        if contact is not None and not contact.interaction.ended:
            contact.settle_leave("answered")

    def _agent_ring_no_answer(self, m: Message, at: float | None) -> None:
        """The queue gave up on a member; behind a Local member the phone's own DialEnd may have said CANCEL first."""
        contact = self._queue_contact(m, at)
        target = self.topology.get(m.get("DestUniqueid"))
        if contact is None or contact.interaction.ended or target is None:
            return
        for phone in self.topology.real_targets(target):
            ring = contact.rings.get(phone.unique_id)
            if ring is not None and ring.offer.result in (None, "cancelled"):
                declined = phone.request_cause in ("17", "21")
                contact.end_offer(ring, "declined" if declined else "no_answer", at)

    def _agent_complete(self, m: Message, at: float | None) -> None:
        """Not reliable as an end (AMI-FACTS 6.5), but it corrects an answer that we did not see."""
        contact = self._queue_contact(m, at)
        if contact is not None:
            self.snapshot.correct_answer(contact, m, at)

    # --- bridges -----------------------------------------------------------------------------------

    def _bridge_enter(self, m: Message, at: float | None) -> None:
        if m.get("BridgeTechnology") == "holding_bridge":
            return  # a parking lot: the people in it do not hear each other
        channel = self._believed(m, at)
        if channel is None:
            return
        channel.up = True
        self._follow_linked_id(channel, m.get("Linkedid"), at)
        self.topology.enter(channel, m.get("BridgeUniqueid"))
        for contact in self._contacts_near(channel):
            self.refresh(contact, at)

    def _follow_linked_id(self, channel: Channel, linked_id: str, at: float | None) -> None:
        """A Linkedid may change with bridging (AMI-FACTS 2): the channel now belongs to that contact."""
        if not linked_id or linked_id == channel.linked_id:
            return
        channel.linked_id = linked_id
        contact = self._by_linked.get(linked_id)
        if contact is not None and channel.contact is None and not contact.interaction.ended:
            self.attach(contact, channel, at)

    def _contacts_near(self, channel: Channel) -> list[Contact]:
        """The contacts that may change when this channel joins or leaves somebody."""
        found: list[Contact] = []
        for near in (channel, *self.topology.heard_by(channel)):
            contact = near.contact
            if contact is not None and not contact.interaction.ended and contact not in found:
                found.append(contact)
        return found

    def _bridge_leave(self, m: Message, at: float | None) -> None:
        channel = self._believed(m, at)
        if channel is None or channel.bridge is None or channel.bridge != m.get("BridgeUniqueid"):
            return
        near = self._contacts_near(channel)
        channel.left_bridge_at = at
        channel.exten = m.get("Exten") or channel.exten
        for contact in near:
            self._note_who_left(contact, channel)
        self.topology.leave(channel)
        for contact in near:
            self.refresh(contact, at)
        if channel.contact is not None and channel.hangup_requested and channel.contact.leg_of(channel) is not None:
            self._end_leg(channel.contact, channel.device, at)

    def _note_who_left(self, contact: Contact, channel: Channel) -> None:
        for leg in contact.legs.values():
            if not leg.away:
                leg.left = "customer" if channel is contact.customer else "agent"

    def refresh(self, contact: Contact, at: float | None, inferred: bool = False) -> None:
        """Who hears the customer now? New agents connect, the missing ones are away until it is known for how long."""
        customer = contact.customer
        if customer is None or contact.interaction.ended or customer.unique_id not in self.topology.by_id:
            return
        present = self._agents_with(contact, customer)
        for device, leg in contact.legs.items():
            if device in present and leg.away:
                leg.away, leg.away_at, leg.channel = False, None, present[device]
                contact.resume(device, at)
            elif device in present:
                leg.channel = present[device]
            elif not leg.away:
                leg.away, leg.away_at = True, at
        for device, channel in present.items():
            if device not in contact.legs:
                contact.connect(channel, at, inferred)
        if customer.hangup_requested and customer.bridge is None:
            contact.end_legs_that_customer_left(at)

    def _agents_with(self, contact: Contact, customer: Channel) -> dict[str, Channel]:
        found: dict[str, Channel] = {}
        for channel in self.topology.heard_by(customer):
            if channel.device == customer.device:
                continue
            if self.parties.is_agent(channel.device):
                if channel.contact is None:
                    self.attach(contact, channel, None)
                found[channel.device] = channel
            elif contact.open_transfer():
                contact.flush_pending()
                contact.complete_transfer(None)
        return found

    # --- hold, transfer, park, conference ----------------------------------------------------------

    def _hold(self, m: Message, at: float | None) -> None:
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is not None and channel.contact is not None and channel.contact.leg_of(channel) is not None:
            channel.contact.hold(channel.device, at)

    def _unhold(self, m: Message, at: float | None) -> None:
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is not None and channel.contact is not None and channel.contact.leg_of(channel) is not None:
            channel.contact.resume(channel.device, at)

    def _blind_transfer(self, m: Message, at: float | None) -> None:
        transferer = self._named(m, "Transferer")
        transferee = self._named(m, "Transferee")
        contact = self._transferred_contact(transferee, transferer)
        if contact is None or m.get("Result", "Success") != "Success" or contact.interaction.parked_now:
            return
        agent = self._agent_behind(contact, transferer)
        contact.flush_pending()
        contact.resume(agent, at, discard=True)  # still held: the PBX's own music while the keys were pressed
        contact.pending = PendingTransfer(agent, m.get("Extension"), at)
        if agent in contact.legs:
            leg = contact.legs[agent]
            contact.disconnect(agent, leg.away_at if leg.away and leg.left == "customer" else at)

    def _named(self, m: Message, prefix: str) -> Channel | None:
        return self.topology.pair(m.get(f"{prefix}Channel"), m.get(f"{prefix}Uniqueid"))

    def _transferred_contact(self, *channels: Channel | None) -> Contact | None:
        for channel in channels:
            if channel is not None:
                half = self.topology.other_half(channel)
                contact = channel.contact or (half.contact if half is not None else None)
                if contact is not None and not contact.interaction.ended:
                    return contact
        return None

    def _agent_behind(self, contact: Contact, transferer: Channel | None) -> str:
        """The agent's phone that transferred: the channel itself, or the phone behind a Local half."""
        if transferer is not None and not transferer.is_local:
            return transferer.device
        behind = self.topology.real_targets(transferer) if transferer is not None else []
        phone = next((p.device for p in behind if p.device in contact.legs), None)
        return phone or next(iter(contact.legs), None) or contact.last_agent or ""

    def _attended_transfer(self, m: Message, at: float | None) -> None:
        first, second = self._named(m, "OrigTransferer"), self._named(m, "SecondTransferer")
        transferee, target = self._named(m, "Transferee"), self._named(m, "TransferTarget")
        contact = self._transferred_contact(transferee, first, second)
        if contact is None or m.get("DestType") in ("Fail", "Threeway"):
            return
        agent = self._agent_behind(contact, first if first is not None and first.contact is contact else second)
        phone = self._transfer_target(contact, target, agent)
        contact.pending = None
        self._end_transferers_leg(contact, agent, at)
        contact.start_transfer("attended", agent, phone.device if phone is not None else self._target_name(m), at)
        if phone is not None and phone.device in contact.legs:
            contact.complete_transfer(at)
        elif phone is not None and not phone.up and self.parties.is_agent(phone.device):
            contact.offer(phone, contact.consult_rang_at, "transfer")
        contact.consult_target = None

    def _end_transferers_leg(self, contact: Contact, agent: str, at: float | None) -> None:
        leg = contact.legs.get(agent)
        if leg is None:
            return
        gone = leg.channel.bridge is None and leg.channel.left_bridge_at is not None
        contact.disconnect(agent, leg.channel.left_bridge_at if gone else at)

    def _transfer_target(self, contact: Contact, target: Channel | None, agent: str) -> Channel | None:
        phones = self.topology.real_targets(target) if target is not None else []
        if target is not None and target.is_local and not phones:
            half = self.topology.other_half(target)
            phones = self.topology.real_targets(half) if half is not None else []
        return next((p for p in phones if p.device != agent), None) or contact.consult_target

    def _target_name(self, m: Message) -> str:
        exten = m.get("TransferTargetExten") or m.get("DestApp")
        return f"exten:{exten}" if exten else "exten:"

    def _parked_call(self, m: Message, at: float | None) -> None:
        contact = self._transferred_contact(self._named(m, "Parkee"))
        if contact is None:
            return
        contact.pending = None
        contact.end_legs_that_customer_left(at)
        contact.emit(e.CallParked(at=at, interaction_id=contact.id, space=m.get("ParkingSpace")))

    def _unparked_call(self, m: Message, at: float | None) -> None:
        contact = self._transferred_contact(self._named(m, "Parkee"))
        if contact is None:
            return
        contact.emit(e.CallRetrieved(at=at, interaction_id=contact.id, space=m.get("ParkingSpace")))
        contact.last_agent_hung_up = True  # whoever rings next was not sent there by the one who parked

    def _conference_joined(self, m: Message, at: float | None) -> None:
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        contact = channel.contact if channel is not None else None
        if contact is None or contact.interaction.ended or channel is not contact.customer:
            return
        contact.pending = None
        contact.emit(e.ConferenceJoined(at=at, interaction_id=contact.id, conference=m.get("Conference")))

    def _message_waiting(self, m: Message, at: float | None) -> None:
        """A message was left in a mailbox, by whoever is in no queue and with no agent and about to end."""
        if (_number(m.get("New")) or 0) <= 0:
            return
        waiting = [c for c in self.contacts.values() if self._may_leave_message(c)]
        hung_up = [c for c in waiting if c.customer is not None and c.customer.hangup_requested]
        chosen = hung_up or waiting
        if chosen:
            chosen[-1].message_left = True

    def _may_leave_message(self, contact: Contact) -> bool:
        i = contact.interaction
        customer = contact.customer
        free = customer is not None and customer.bridge is None and i.waiting_in() is None and not i.open_offers()
        return free and i.direction != "outbound" and not i.answered

    # --- originate, restart, members ---------------------------------------------------------------

    def _originate_response(self, m: Message, at: float | None) -> None:
        """A failed Originate that never became a call is an interaction all the same (DESIGN 6.1)."""
        name = m.get("Channel")
        key = f"{m.action_id}/{name}/{at}"
        if key in self._gone:
            return
        self._remember_gone(key, at)
        channel = self.topology.get(m.get("Uniqueid")) or self._originated.pop(device_of(name), None)
        if m.get("Response") != "Failure" or m.get("Application") not in ("", "<unknown>"):
            return
        if channel is None:
            channel = Channel(name, key, key, at, incoming=False)
        if channel.contact is None:
            self._open_failed(channel, m, at)

    def _open_failed(self, channel: Channel, m: Message, at: float | None) -> None:
        exten = m.get("Exten")
        number = m.get("CallerIDNum") if m.get("CallerIDNum") not in ("", "<unknown>") else exten
        began = channel.created_at if channel.created_at is not None else at
        contact = self.open_contact(
            "outbound", channel, address=self.address(number), name=None, dialled=exten or None, at=began
        )
        self.end_contact(contact, at, outcome="failed", by="system")

    def _shutdown(self, m: Message, at: float | None) -> None:
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

    def _member_pause(self, m: Message, at: float | None) -> None:
        if not is_whole_pause_block(m):
            self._suspect(m, at, "a pause without its full set of headers")
            return
        self.members.take(m, at)

    def _member(self, m: Message, at: float | None) -> None:
        self.members.take(m, at)
        self.parties.learn((m.get("StateInterface"), m.get("Interface"), m.get("Location")))


def _channel_from(m: Message, at: float | None, *, incoming: bool) -> Channel:
    channel = Channel(m.get("Channel"), m.get("Uniqueid"), m.get("Linkedid") or m.get("Uniqueid"), at, incoming)
    channel.number, channel.caller_name = m.get("CallerIDNum"), m.get("CallerIDName")
    channel.exten, channel.context = m.get("Exten"), m.get("Context")
    channel.up = m.get("ChannelState") == "6"
    return channel


def _dialled_number(dial_string: str) -> str:
    """``13800138000@pstn``, ``pstn/13800138000`` or ``pstn/sip:13800138000@host`` → the number, else nothing."""
    for part in re.split(r"[/@]", dial_string.removeprefix("sip:")):
        digits = part.removeprefix("sip:")
        if re.fullmatch(r"\+?[0-9]{3,32}", digits, re.ASCII):
            return digits
    return ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


TABLE: Final[dict[str, Callable[[CallTracker, Message, float | None], None]]] = {
    "Newchannel": CallTracker._new_channel,
    "Newstate": CallTracker._new_state,
    "NewCallerid": CallTracker._new_caller_id,
    "HangupRequest": CallTracker._hangup_request,
    "SoftHangupRequest": CallTracker._soft_hangup_request,
    "Hangup": CallTracker._hangup,
    "DialBegin": CallTracker._dial_begin,
    "DialEnd": CallTracker._dial_end,
    "QueueCallerJoin": CallTracker._queue_caller_join,
    "QueueCallerAbandon": CallTracker._queue_caller_abandon,
    "QueueCallerLeave": CallTracker._queue_caller_leave,
    "AgentCalled": CallTracker._agent_called,
    "AgentConnect": CallTracker._agent_connect,
    "AgentRingNoAnswer": CallTracker._agent_ring_no_answer,
    "AgentComplete": CallTracker._agent_complete,
    "BridgeEnter": CallTracker._bridge_enter,
    "BridgeLeave": CallTracker._bridge_leave,
    "Hold": CallTracker._hold,
    "Unhold": CallTracker._unhold,
    "BlindTransfer": CallTracker._blind_transfer,
    "AttendedTransfer": CallTracker._attended_transfer,
    "ParkedCall": CallTracker._parked_call,
    "UnParkedCall": CallTracker._unparked_call,
    "ParkedCallTimeOut": CallTracker._unparked_call,
    "ConfbridgeJoin": CallTracker._conference_joined,
    "MessageWaiting": CallTracker._message_waiting,
    "OriginateResponse": CallTracker._originate_response,
    "Shutdown": CallTracker._shutdown,
    "QueueMemberPause": CallTracker._member_pause,
    "QueueMember": CallTracker._member,
    "QueueMemberStatus": CallTracker._member,
    "QueueMemberAdded": CallTracker._member,
    "QueueMemberRemoved": CallTracker._member,
    "FullyBooted": lambda t, m, at: t.snapshot.fully_booted(m, at),
    "CoreShowChannel": lambda t, m, at: t.snapshot.channel(m, at),
    "CoreShowChannelsComplete": lambda t, m, at: t.snapshot.complete(m, at),
    "QueueEntry": lambda t, m, at: t.snapshot.waiting_caller(m, at),
    "QueueStatusComplete": lambda t, m, at: t.snapshot.queues_complete(m, at),
}
