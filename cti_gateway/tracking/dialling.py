"""Who rings for whom: offers, outbound and internal calls, originations. Pure."""

from __future__ import annotations

import re

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.channels import Channel
from cti_gateway.tracking.contact import Contact, OutsideLeg
from cti_gateway.tracking.lifecycle import Lifecycle, plain_name
from cti_gateway.tracking.parties import device_of, is_announcer
from interaction_log import events as e


class Dialling(Lifecycle):
    """Reads the messages about dials."""

    def dial_begin(self, m: Message, at: float | None) -> None:
        """``DialBegin``: without a source it is an originate's own leg."""
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
        if not unique_id or not name or unique_id in self.gone or is_announcer(name):
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
            contact.notice_redirect(f"exten:{self._number_of(contact)}", contact.last_agent)

    def _number_of(self, contact: Contact) -> str:
        return contact.customer.exten if contact.customer is not None else ""

    def _offer(self, contact: Contact, target: Channel, at: float | None) -> None:
        if contact.interaction.waiting_in() is None:
            contact.notice_redirect(target.device, contact.last_agent)
        source: e.OfferSource = "transfer" if contact.open_transfer() else "direct"
        contact.flush_pending(target=target.device if contact.interaction.waiting_in() is None else None)
        contact.settle_leave()
        contact.offer(target, at, source)

    def _first_dial(self, origin: Channel, target: Channel, outside: bool, m: Message, at: float | None) -> None:
        """A call that began inside rings somebody for the first time: only now it is a contact."""
        if not origin.is_local and not origin.originated and not self.parties.is_agent(origin.device):
            contact = self.open_inbound(origin, origin.created_at)  # how it came in was lost
            self.attach(contact, target, at)
            if not outside:
                self._offer(contact, target, at)
            return
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

    def dial_end(self, m: Message, at: float | None) -> None:
        """``DialEnd``: the first for a target counts."""
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

    def originate_response(self, m: Message, at: float | None) -> None:
        """A failed Originate that never became a call is an interaction all the same (DESIGN 6.1)."""
        name = m.get("Channel")
        key = f"{m.action_id}/{name}/{at}"
        if key in self.gone:
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


def _dialled_number(dial_string: str) -> str:
    """``13800138000@pstn``, ``pstn/13800138000`` or ``pstn/sip:13800138000@host`` → the number, else nothing."""
    for part in re.split(r"[/@]", dial_string.removeprefix("sip:")):
        digits = part.removeprefix("sip:")
        if re.fullmatch(r"\+?[0-9]{3,32}", digits, re.ASCII):
            return digits
    return ""
