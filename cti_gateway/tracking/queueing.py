"""The queue's own account, members, and messages left in mailboxes. Pure."""

from __future__ import annotations

import uuid
from typing import Final

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.contact import Contact
from cti_gateway.tracking.dialling import Dialling
from cti_gateway.tracking.snapshot import correct_answer
from interaction_log import events as e

_MESSAGES: Final = uuid.UUID("5c1c8f6e-5f0f-5d0b-9f57-0c6d5a4f1d52")
"""The name space of the messages' ids: the same recording gives the same ids."""
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


def is_whole_pause_block(message: Message) -> bool:
    """Whether a ``QueueMemberPause`` has all that the PBX writes; an injected one has 79 bytes at most."""
    return all(name in message for name in _PAUSE_HEADERS)


class Queueing(Dialling):
    """Reads what app_queue says."""

    def agent_called(self, m: Message, at: float | None) -> None:
        """``AgentCalled``: tells who is a member."""
        self.parties.learn((m.get("Interface"), m.get("StateInterface")))

    def _queue_contact(self, m: Message, at: float | None) -> Contact | None:
        """The contact of the caller that a queue event names; a call from inside becomes one here."""
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is None:
            return self._contact_without_channel(m)
        channel.exten = m.get("Exten") or channel.exten
        if channel.asks_queue:
            return None
        if channel.contact is not None:
            return channel.contact
        if channel.is_local:
            half = self.topology.other_half(channel)
            return half.contact if half is not None else None
        if not self.parties.is_agent(channel.device):
            return self.open_inbound(channel, channel.created_at)
        return self._open_internal(channel, None, at)

    def _contact_without_channel(self, m: Message) -> Contact | None:
        unique_id = m.get("Uniqueid")
        for contact in reversed(self._ended.values()):
            if unique_id and unique_id in contact.interaction.unique_ids:
                return contact
        return None

    def queue_caller_join(self, m: Message, at: float | None) -> None:
        """``QueueCallerJoin``."""
        contact = self._queue_contact(m, at)
        if contact is None or contact.interaction.ended or self._only_asks(contact, m):
            return
        target = f"queue:{m.get('Queue')}"
        contact.notice_redirect(target, contact.last_agent)
        contact.flush_pending(target=target)
        contact.enter_queue(m.get("Queue"), _number(m.get("Position")), at)

    def _only_asks(self, contact: Contact, m: Message) -> bool:
        """Whether an agent asks in the queue through a Local channel (Atxfer) while the customer hears music."""
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is None or not channel.is_local or not contact.legs or contact.pending is not None:
            return False
        if contact.customer is None or contact.customer in self.topology.heard_by(channel):
            return False
        channel.consult, channel.asks_queue = True, m.get("Queue")
        return True

    def queue_caller_abandon(self, m: Message, at: float | None) -> None:
        """``QueueCallerAbandon``: also at a time-out, so it only counts with a hang-up (AMI-FACTS 6.2)."""
        contact = self._queue_contact(m, at)
        if contact is not None:
            contact.abandon_seen = True

    def queue_caller_leave(self, m: Message, at: float | None) -> None:
        """``QueueCallerLeave``: answered or gone."""
        contact = self._queue_contact(m, at)
        if contact is None or contact.interaction.ended:
            return
        visit = contact.interaction.waiting_in()
        if visit is not None and visit.queue == m.get("Queue"):
            emptied = self.members.emptied_since(visit.queue, visit.entered_at)
            contact.caller_left_queue(visit.queue, at, "no_agent" if emptied else "timeout")

    def agent_connect(self, m: Message, at: float | None) -> None:
        """``AgentConnect``: the wait is over."""
        self.parties.learn((m.get("Interface"),))
        contact = self._queue_contact(m, at)
        if contact is not None and not contact.interaction.ended:
            contact.settle_leave("answered")

    def agent_ring_no_answer(self, m: Message, at: float | None) -> None:
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

    def agent_complete(self, m: Message, at: float | None) -> None:
        """Not reliable as an end (AMI-FACTS 6.5), but it corrects an answer that we did not see."""
        contact = self._queue_contact(m, at)
        if contact is not None:
            correct_answer(contact, m, at)

    def member_pause(self, m: Message, at: float | None) -> None:
        """``QueueMemberPause``: with its full set of headers, or not at all."""
        if not is_whole_pause_block(m):
            self._suspect(m, at, "a pause without its full set of headers")
            return
        self.members.take(m, m.get("Interface"), at)

    def member(self, m: Message, at: float | None) -> None:
        """A member's status, arrival or removal."""
        interface = m.get("Interface") or m.get("Location")
        self.members.take(m, interface, at)
        if not self.parties.has_learnt(interface):
            self.parties.learn((m.get("StateInterface"), interface))

    def message_waiting(self, m: Message, at: float | None) -> None:
        """A message was left in a mailbox: by the caller on the block's own channel (measured on 16 and 22).

        Without a channel (a mailbox whose count is told at a reload, or after somebody listened) it only counts for
        who is in no queue, with no agent and about to end.
        """
        if (_number(m.get("New")) or 0) <= 0:
            return
        channel = self.topology.pair(m.get("Channel"), m.get("Uniqueid"))
        if channel is not None and channel.contact is not None:
            self._message_left(channel.contact, m, channel.name, at)
            return
        if m.get("Uniqueid"):  # one of ours who listens, or somebody writes into the stream
            return
        waiting = [c for c in self.contacts.values() if self._may_leave_message(c)]
        hung_up = [c for c in waiting if c.customer is not None and c.customer.hangup_requested]
        chosen = hung_up or waiting
        if chosen:
            chosen[-1].message_left = True

    def _message_left(self, contact: Contact, m: Message, channel: str, at: float | None) -> None:
        if contact.customer is None or contact.customer.name != channel or contact.interaction.direction != "inbound":
            return
        contact.message_left = True
        known = contact.interaction.messages
        name = f"{m.get('Mailbox')} {at if at is not None else len(known)}"
        message_id = str(uuid.uuid5(_MESSAGES, f"{contact.id} {name}"))
        left = e.MessageLeft(
            at=at, interaction_id=contact.id, message_id=message_id, mailbox=m.get("Mailbox"), channel=channel
        )
        contact.emit(left)

    def _may_leave_message(self, contact: Contact) -> bool:
        i = contact.interaction
        customer = contact.customer
        free = customer is not None and customer.bridge is None and i.waiting_in() is None and not i.open_offers()
        return free and i.direction != "outbound" and not i.answered


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
