"""Who hears the customer: bridges, holds and conferences. Pure."""

from __future__ import annotations

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.channels import Channel
from cti_gateway.tracking.contact import Contact
from cti_gateway.tracking.registry import Registry
from interaction_log import events as e


class Bridging(Registry):
    """Reads the messages about bridges. A stretch in which an agent hears the customer is a segment."""

    def bridge_enter(self, m: Message, at: float | None) -> None:
        """``BridgeEnter``: somebody hears somebody. Believed only of a known pair."""
        if m.get("BridgeTechnology") == "holding_bridge":
            return  # a parking lot: the people in it do not hear each other
        channel = self._believed(m, at)
        if channel is None:
            return
        channel.up = True
        channel.exten = m.get("Exten") or channel.exten
        self._follow_linked_id(channel, m.get("Linkedid"), at)
        self.topology.enter(channel, m.get("BridgeUniqueid"))
        for contact in self._contacts_near(channel):
            self.refresh(contact, at)

    def _follow_linked_id(self, channel: Channel, linked_id: str, at: float | None) -> None:
        """A Linkedid may change with bridging (AMI-FACTS 2): the channel now belongs to that contact."""
        if not linked_id or linked_id == channel.linked_id:
            return
        channel.linked_id = linked_id
        contact = self.by_linked.get(linked_id)
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

    def bridge_leave(self, m: Message, at: float | None) -> None:
        """``BridgeLeave``: right in time even where ``Hangup`` comes seconds later (AMI-FACTS 6.11)."""
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
            gone = contact.sent_away_by(device) or channel.unique_id == contact.let_go
            if device not in contact.legs and not gone:
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

    def _end_leg(self, contact: Contact, device: str, at: float | None) -> None:
        leg = contact.legs[device]
        stop = leg.away_at if leg.left == "customer" else leg.channel.left_bridge_at
        contact.disconnect(device, stop if stop is not None else at)

    def hold(self, m: Message, at: float | None) -> None:
        """``Hold`` of an agent's phone."""
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is not None and channel.contact is not None and channel.contact.leg_of(channel) is not None:
            channel.contact.hold(channel.device, at)

    def unhold(self, m: Message, at: float | None) -> None:
        """``Unhold``; a lone one means nothing."""
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is not None and channel.contact is not None and channel.contact.leg_of(channel) is not None:
            channel.contact.resume(channel.device, at)

    def conference_joined(self, m: Message, at: float | None) -> None:
        """``ConfbridgeJoin`` of the customer."""
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        contact = channel.contact if channel is not None else None
        if contact is None or contact.interaction.ended or channel is not contact.customer:
            return
        contact.pending = None
        contact.emit(e.ConferenceJoined(at=at, interaction_id=contact.id, conference=m.get("Conference")))
