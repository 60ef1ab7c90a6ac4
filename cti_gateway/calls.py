"""Stop 3, the call tracker: messages of one PBX in, interaction events out. Pure.

:data:`TABLE` says which message is read by which method; everything else is ignored. The rules rest on
channels, bridges and dials (order is promised per channel only, AMI-FACTS 2), and the queue's own events
explain them; no rule needs ``VarSet``, ``Newexten`` or any other event that a site may filter away.
They stand in :mod:`cti_gateway.tracking`, one layer a file, each knowing only those below it: registry,
bridging, lifecycle, dialling, queueing, transferring, recording, and this class on top.

A block that claims a hang-up, a bridge or a pause counts only when its channel and Uniqueid are a pair
that we know: callers can write into the stream (AMI-FACTS 6.23). Others are counted in
:attr:`CallTracker.suspicious` and reported, and live the PBX is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.contact import Contact
from cti_gateway.tracking.mend import Mender, is_torn
from cti_gateway.tracking.parties import PbxProfile
from cti_gateway.tracking.recording import Recordings
from cti_gateway.tracking.snapshot import Snapshot
from interaction_log import events as e
from interaction_log.interaction import Interaction

__all__ = ["TABLE", "CallTracker", "PbxProfile"]


class CallTracker(Recordings):
    """The calls of one PBX. Feed it the messages of the event connection in their order.

    ``boot``: names this life of the PBX (its start time), part of the interaction ids.
    """

    def __init__(self, profile: PbxProfile, boot: str = "") -> None:
        super().__init__(profile, boot)
        self._mender = Mender()
        self.snapshot = Snapshot(self)

    def feed(self, message: Message, received_at: float | None = None) -> list[e.Event]:
        """One message; the events that follow from it, in order. Never raises for what a PBX or a caller sends."""
        if self._mender.head is None and not is_torn(message):  # nearly always
            self._step(message, received_at)
        else:
            self._mend(self._mender.take(message), received_at)
        return self._take() if self._out else []

    def flush(self) -> list[e.Event]:
        """The stream ends here: read a torn block as far as it came."""
        self._mend(self._mender.flush(), None)
        return self._take()

    def _mend(self, messages: list[Message], received_at: float | None) -> None:
        """What has been put together again is reported where it is read; what a caller may have set is not read."""
        for message in messages:
            if self._mender.mended:
                self._mender.mended = 0
                if message.name not in TABLE or message.name == "VarSet":
                    continue
                self._suspect(message, message.timestamp or received_at, "cut in two by a line break in a number")
            self._step(message, received_at)

    def _step(self, message: Message, received_at: float | None) -> None:
        step = TABLE.get(message.name) if message.kind == "event" else None
        if step is not None:
            at = message.timestamp
            if at is None:
                at = received_at
            else:
                self.last_at = at
            step(self, message, at)
        elif message.kind == "response":
            self.snapshot.response(message, self.last_at)

    def _take(self) -> list[e.Event]:
        out, self._out = self._out, []
        return out

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

    def recording_found(self, unique_id: str, file: str, at: float | None) -> list[e.Event]:
        """This channel has a file, by the PBX's word: a recording that began while we did not hear the PBX."""
        channel = self.topology.get(unique_id)
        contact = channel.contact if channel is not None else None
        if channel is None or contact is None or contact.interaction.ended:
            return []
        if any(one.file == file or (one.open and not one.file) for one in contact.interaction.recordings):
            return []
        channel.recording, channel.recording_at, channel.recording_file = True, at, file
        self.note_recording(contact, channel, inferred=True)
        return self._take()

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
                self.by_linked[linked] = contact
        self.snapshot.link_lost(self.last_at)

    def _adopt(self, interaction: Interaction) -> Contact:
        contact = Contact(interaction, self.emit)
        contact.from_snapshot = True
        self.contacts[interaction.id] = contact
        self.interactions[interaction.id] = interaction
        return contact


TABLE: Final[dict[str, Callable[[CallTracker, Message, float | None], None]]] = {
    "Newchannel": CallTracker.new_channel,
    "Newstate": CallTracker.new_state,
    "NewCallerid": CallTracker.new_caller_id,
    "HangupRequest": CallTracker.hangup_request,
    "SoftHangupRequest": CallTracker.soft_hangup_request,
    "Hangup": CallTracker.hangup,
    "DialBegin": CallTracker.dial_begin,
    "DialEnd": CallTracker.dial_end,
    "QueueCallerJoin": CallTracker.queue_caller_join,
    "QueueCallerAbandon": CallTracker.queue_caller_abandon,
    "QueueCallerLeave": CallTracker.queue_caller_leave,
    "AgentCalled": CallTracker.agent_called,
    "AgentConnect": CallTracker.agent_connect,
    "AgentRingNoAnswer": CallTracker.agent_ring_no_answer,
    "AgentComplete": CallTracker.agent_complete,
    "BridgeEnter": CallTracker.bridge_enter,
    "BridgeLeave": CallTracker.bridge_leave,
    "Hold": CallTracker.hold,
    "Unhold": CallTracker.unhold,
    "BlindTransfer": CallTracker.blind_transfer,
    "AttendedTransfer": CallTracker.attended_transfer,
    "ParkedCall": CallTracker.parked_call,
    "UnParkedCall": CallTracker.unparked_call,
    "ParkedCallTimeOut": CallTracker.unparked_call,
    "ConfbridgeJoin": CallTracker.conference_joined,
    "MessageWaiting": CallTracker.message_waiting,
    "MixMonitorStart": CallTracker.mixmonitor_start,
    "MixMonitorMute": CallTracker.mixmonitor_mute,
    "MixMonitorStop": CallTracker.mixmonitor_stop,
    "VarSet": CallTracker.var_set,
    "OriginateResponse": CallTracker.originate_response,
    "Shutdown": CallTracker.shutdown,
    "QueueMemberPause": CallTracker.member_pause,
    "QueueMember": CallTracker.member,
    "QueueMemberStatus": CallTracker.member,
    "QueueMemberAdded": CallTracker.member,
    "QueueMemberRemoved": CallTracker.member,
    "FullyBooted": lambda t, m, at: t.snapshot.fully_booted(m, at),
    "CoreShowChannel": lambda t, m, at: t.snapshot.channel(m, at),
    "CoreShowChannelsComplete": lambda t, m, at: t.snapshot.complete(m, at),
    "QueueEntry": lambda t, m, at: t.snapshot.waiting_caller(m, at),
    "QueueStatusComplete": lambda t, m, at: t.snapshot.queues_complete(m, at),
}
