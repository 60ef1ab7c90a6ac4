"""What the tracker remembers: channels, contacts, and which blocks of the PBX it believes. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Final

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.channels import Channel, Topology
from cti_gateway.tracking.contact import Contact
from cti_gateway.tracking.members import QueueMembers
from cti_gateway.tracking.outcome import ended_by, outcome_of
from cti_gateway.tracking.parties import Parties, PbxProfile, is_announcer
from interaction_log import events as e
from interaction_log.identity import caller_address, interaction_id
from interaction_log.interaction import Interaction
from interaction_log.recordings import running_on

KEPT_CLOSED: Final = 2_000
"""Closed interactions that late events may still correct; a busy site closes some hundred an hour."""
KEPT_GONE: Final = 20_000
"""Uniqueids of channels that are gone: a repeated block must not open them again. About 100 bytes each."""


class Registry:
    """The channels and contacts of one PBX."""

    def __init__(self, profile: PbxProfile, boot: str) -> None:
        self.profile = profile
        self.boot = boot
        self.parties = Parties(profile)
        self.topology = Topology()
        self.members = QueueMembers()
        self.contacts: dict[str, Contact] = {}
        self.interactions: OrderedDict[str, Interaction] = OrderedDict()
        self.suspicious = 0
        self.last_at: float | None = None
        numbers = count(1)
        self.new_recording_id: Callable[[], str] = lambda: f"recording-{next(numbers)}"
        """Live they are random (``cti_gateway.pbx``), in a replay they are counted."""
        self.by_linked: dict[str, Contact] = {}
        self.gone: OrderedDict[str, float | None] = OrderedDict()
        self._originated: OrderedDict[str, Channel] = OrderedDict()
        self._ended: OrderedDict[str, Contact] = OrderedDict()
        self._out: list[e.Event] = []

    def emit(self, event: e.Event) -> None:
        """Hand an event to the outbox."""
        self._out.append(event)

    def contact_with_leg(self, device: str) -> Contact | None:
        """The contact in which this device has the customer now."""
        return next((c for c in self.contacts.values() if device in c.legs), None)

    def contact_of_unique_id(self, unique_id: str) -> Contact | None:
        """The open contact that this Uniqueid once belonged to."""
        return next((c for c in self.contacts.values() if unique_id in c.interaction.unique_ids), None)

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
        self.note_recording(contact, channel)

    def note_recording(self, contact: Contact, channel: Channel, inferred: bool = False) -> None:
        """A channel that is recorded came to a contact."""
        if not channel.recording:
            return
        channel.recording = False
        new_id, at = self.new_recording_id(), channel.recording_at
        started = e.RecordingStarted(
            at=at,
            interaction_id=contact.id,
            recording_id=new_id,
            unique_id=channel.unique_id,
            device=channel.device,
            file=channel.recording_file,
            inferred=inferred,
        )
        contact.emit(started)
        if channel.recording_muted:
            contact.emit(e.RecordingPaused(at=at, interaction_id=contact.id, recording_id=new_id))

    def end_recordings(self, channel: Channel, at: float | None, inferred: bool = False) -> None:
        """A channel is gone: what was written from it is finished. The PBX tells only when somebody stops it."""
        contact = channel.contact
        if contact is None or contact.interaction.ended:
            return
        for one in running_on(contact.interaction.recordings, channel.unique_id):
            stopped = e.RecordingStopped(at=at, interaction_id=contact.id, recording_id=one.id, inferred=inferred)
            contact.emit(stopped)

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
        self.by_linked[first.linked_id] = contact
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
        self.note_recording(contact, first)
        return contact

    def address(self, presented: str) -> str | None:
        """A presented number as the customer's address."""
        return caller_address(presented, self.profile.default_region, self.profile.outbound_prefix)

    def _believed(self, m: Message, at: float | None) -> Channel | None:
        """The channel of a block, or ``None`` for a block that names no channel that we know."""
        unique_id = m.get("Uniqueid")
        channel = self.topology.pair(m.get("Channel"), unique_id)
        if channel is None and unique_id not in self.gone and not is_announcer(m.get("Channel")):
            self._suspect(m, at, "channel and Uniqueid are not a known pair")
        return channel

    def _suspect(self, m: Message, at: float | None, why: str) -> None:
        self.suspicious += 1
        self.emit(e.SuspiciousBlockSeen(at=at, pbx=self.profile.name, event=m.name, why=why))

    def _remember_gone(self, key: str, at: float | None) -> None:
        self.gone[key] = at
        while len(self.gone) > KEPT_GONE:
            self.gone.popitem(last=False)

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
        contact.flush_exten()
        contact.end(outcome or outcome_of(contact), by or ended_by(contact), at, inferred=inferred)
        self.contacts.pop(contact.id, None)
        self._ended[contact.id] = contact
        for linked in contact.interaction.linked_ids:
            if self.by_linked.get(linked) is contact:
                del self.by_linked[linked]
        while len(self._ended) > KEPT_CLOSED:
            old, _ = self._ended.popitem(last=False)
            self.interactions.pop(old, None)

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
