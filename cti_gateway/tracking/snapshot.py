"""What the PBX says of itself when asked: channels, callers in queues, its uptime. Pure.

After a gap (a cut link, a restarted PBX, our own restart) and at the first look, the answers to
``CoreStatus``, ``CoreShowChannels`` and ``QueueStatus`` are read in stream order, whatever their ActionID,
and the differences to what we believed become events marked ``inferred``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.channels import Channel
from cti_gateway.tracking.contact import Contact, Leg, OutsideLeg
from interaction_log import events as e

if TYPE_CHECKING:
    from cti_gateway.calls import CallTracker

UPTIME_SLACK: Final = 3.0
"""Seconds: AMI's uptime is whole seconds, and the first message after a login may be late."""
_UP, _RINGING = "6", "5"


@dataclass(slots=True)
class Listed:
    """One line of ``CoreShowChannels``."""

    channel: Channel
    state: str
    bridge: str
    application: str
    data: str
    fresh: bool


class Snapshot:
    """Compares the PBX's own account with what the tracker believes."""

    def __init__(self, tracker: CallTracker) -> None:
        self.tracker = tracker
        self.stale = False
        self.lost_at: float | None = None
        self.restarted = False
        self.closed = 0
        self.opened = 0
        self._uptime: float | None = None
        self._uptime_at: float | None = None
        self._startup = ""
        self._known_before: set[str] | None = None
        self._listed: dict[str, Listed] = {}
        self._waiting: set[str] = set()

    # --- is it the same PBX? -----------------------------------------------------------------------

    def link_lost(self, at: float | None) -> None:
        """From here on everything is old."""
        self.stale, self.lost_at, self.restarted = True, at, False
        self.closed = self.opened = 0
        self._known_before = None

    def fully_booted(self, m: Message, at: float | None) -> None:
        """``Uptime`` tells a cut link from a restarted PBX; the event has no timestamp of its own."""
        text = m.get("Uptime")
        uptime = float(text) if text.isascii() and text.isdigit() else None
        if self.stale and uptime is not None and self._is_younger(uptime):
            self._pbx_restarted()
        self._uptime, self._uptime_at = uptime, None

    def _is_younger(self, uptime: float) -> bool:
        if self._uptime is None:
            return False
        last = self.tracker.last_at
        watched = last - self._uptime_at if last is not None and self._uptime_at is not None else 0.0
        return uptime + UPTIME_SLACK < self._uptime + watched or uptime < self._uptime

    def response(self, m: Message, at: float | None) -> None:
        """The answers that are no events: ``CoreStatus``, and the head of the list of channels."""
        if "CoreStartupDate" in m:
            self._core_status(f"{m.get('CoreStartupDate')} {m.get('CoreStartupTime')}")
        elif m.get("Message") == "Channels will follow":
            self._known_before = set(self.tracker.topology.by_id)
            self._listed = {}

    def _core_status(self, startup: str) -> None:
        if startup.startswith(("1969", "1970")):
            return  # still starting (AMI-FACTS 5)
        if self._startup and startup != self._startup and self.stale:
            self._pbx_restarted()
        self._startup = startup

    def _pbx_restarted(self) -> None:
        """No call survives that: those that an agent had stay answered, the others are lost."""
        self.restarted = True
        for contact in list(self.tracker.contacts.values()):
            self.close_lost(contact)
        for channel in list(self.tracker.topology.by_id.values()):
            self.tracker.topology.remove(channel)

    def close_lost(self, contact: Contact) -> None:
        """The contact ended while we did not look: at the last moment that we know of."""
        at = self.lost_at if self.lost_at is not None else _last_time(contact)
        self.closed += 1
        outcome: e.Outcome = "answered" if contact.interaction.answered else "pbx_lost"
        self.tracker.end_contact(contact, at, inferred=True, outcome=outcome, by="system")

    def begin(self, at: float | None) -> None:
        """Count from here what the snapshots change."""
        self.closed = self.opened = 0

    def end(self, at: float | None, restarted: bool) -> None:
        """Say how long the gap was and what was found after it."""
        gap = max(0.0, at - self.lost_at) if at is not None and self.lost_at is not None else None
        self.tracker.emit(
            e.LinkRestored(
                at=at,
                pbx=self.tracker.profile.name,
                gap_seconds=gap,
                restarted=restarted or self.restarted,
                closed=self.closed,
                opened=self.opened,
            )
        )
        self.lost_at = None

    # --- the channels ------------------------------------------------------------------------------

    def channel(self, m: Message, at: float | None) -> None:
        """One line of the list."""
        unique_id, tracker = m.get("Uniqueid"), self.tracker
        known = tracker.topology.get(unique_id)
        if not unique_id or (known is None and unique_id in tracker.gone):
            return
        channel = known or self._fresh(m, unique_id)
        channel.up = m.get("ChannelState") == _UP
        self._listed[unique_id] = Listed(
            channel,
            m.get("ChannelState"),
            m.get("BridgeId"),
            m.get("Application"),
            m.get("ApplicationData"),
            known is None,
        )

    def _fresh(self, m: Message, unique_id: str) -> Channel:
        channel = Channel(
            m.get("Channel"), unique_id, m.get("Linkedid") or unique_id, _seconds_of(unique_id), incoming=False
        )
        channel.number, channel.caller_name = m.get("CallerIDNum"), m.get("CallerIDName")
        channel.exten, channel.context = m.get("Exten"), m.get("Context")
        channel.application, channel.application_data = m.get("Application"), m.get("ApplicationData")
        return channel

    def complete(self, m: Message, at: float | None) -> None:
        """The list is whole: what was known before and is absent is gone; what is new is opened as it is."""
        before, self._known_before = self._known_before, None
        if before is None:
            before = set(self.tracker.topology.by_id) if self.stale else set()
        now = self.tracker.last_at if at is None else at
        for line in self._listed.values():
            if line.fresh:
                self.tracker.topology.add(line.channel)
        self._drop_missing(before, now)
        self._rejoin_bridges()
        self._open_groups(now)
        for contact in list(self.tracker.contacts.values()):
            self._settle(contact, now)
        self._listed = {}
        self.stale = False

    def _drop_missing(self, before: set[str], now: float | None) -> None:
        topology = self.tracker.topology
        missing = [topology.by_id[u] for u in before if u not in self._listed and u in topology.by_id]
        at = self.lost_at if self.stale and self.lost_at is not None else now
        for channel in sorted(missing, key=lambda c: c.contact is None or c.contact.customer is not c):
            contact = channel.contact
            if contact is not None and contact.customer is channel and not contact.interaction.ended:
                self.close_lost(contact)
            self.tracker.channel_gone(channel, "", "", at, inferred=True)

    def _rejoin_bridges(self) -> None:
        for line in self._listed.values():
            if line.application in ("Park", "ParkAndAnnounce", "BridgeWait"):
                continue
            if line.bridge:
                self.tracker.topology.enter(line.channel, line.bridge)
            elif line.channel.bridge is not None:
                self.tracker.topology.leave(line.channel)

    # --- contacts that we did not see begin ----------------------------------------------------------

    def _open_groups(self, now: float | None) -> None:
        groups: dict[str, list[Listed]] = {}
        for line in sorted(self._listed.values(), key=lambda x: _order(x.channel.unique_id)):
            if line.fresh and not self._reattached(line, now):
                groups.setdefault(line.channel.linked_id, []).append(line)
        grouped = [[line.channel for line in lines] for lines in groups.values()]
        for channels in sorted(grouped, key=self._begun_inside):
            self._open_group(channels, now)

    def _begun_inside(self, channels: list[Channel]) -> bool:
        """Calls with the outside first: whoever has a customer and calls a colleague only consults."""
        is_agent = self.tracker.parties.is_agent
        return all(c.is_local or is_agent(c.device) for c in channels)

    def _reattached(self, line: Listed, now: float | None) -> bool:
        """A channel of a contact that the log gave back, or of one that is known by its Linkedid."""
        tracker, channel = self.tracker, line.channel
        contact = tracker.contact_of_unique_id(channel.unique_id) or tracker.by_linked.get(channel.linked_id)
        if contact is None or contact.interaction.ended:
            return False
        tracker.attach(contact, channel, now)
        agent = channel.is_local or tracker.parties.is_agent(channel.device)
        internal = contact.interaction.direction == "internal"
        first = bool(contact.interaction.unique_ids) and contact.interaction.unique_ids[0] == channel.unique_id
        if contact.customer is None and ((not agent and not channel.is_local) or (internal and first)):
            contact.customer = channel
        elif contact.caller is None and agent and first and contact.interaction.direction == "outbound":
            contact.caller = channel
        return True

    def _consults(self, first: Channel, channels: list[Channel], now: float | None) -> bool:
        """Whether the one who began this call has a customer on another line."""
        for contact in list(self.tracker.contacts.values()):
            self._settle(contact, now)
        contact_now = self.tracker.contact_with_leg(first.device)
        if contact_now is None:
            return False
        for channel in channels:
            channel.consult = True
            self.tracker.attach(contact_now, channel, now)
            if channel is not first:
                contact_now.consult_target, contact_now.consult_rang_at = channel, channel.created_at
        self.tracker.by_linked[first.linked_id] = contact_now
        return True

    def _open_group(self, channels: list[Channel], now: float | None) -> None:
        """The channels of one Linkedid that nobody knows yet."""
        is_agent = self.tracker.parties.is_agent
        agents = [c for c in channels if not c.is_local and is_agent(c.device)]
        outside = [c for c in channels if not c.is_local and not is_agent(c.device)]
        first = next((c for c in channels if c.unique_id == c.linked_id), channels[0])
        if outside and first in outside:
            self._open("inbound", first, customer=first, others=channels)
        elif outside:
            contact = self._open("outbound", first, customer=outside[0], others=channels)
            contact.caller, contact.outside = (agents[0] if agents else None), OutsideLeg()
        elif first in agents and self._consults(first, channels, now):
            return
        elif len(agents) > 1 and first in agents:
            self._open("internal", first, customer=first, others=channels)
        else:
            self._assume_dials(channels)
            for channel in channels:
                channel.incoming = channel is first

    def _assume_dials(self, channels: list[Channel]) -> None:
        """Behind the second half of a Local pair ring the phones of the same call."""
        second = next((c for c in channels if c.name.endswith(";2")), None)
        for channel in channels:
            if second is not None and not channel.is_local and channel.dialled_by is None:
                self.tracker.topology.dial(second, channel)

    def _open(self, direction: e.Direction, first: Channel, *, customer: Channel, others: list[Channel]) -> Contact:
        tracker = self.tracker
        outbound = direction == "outbound"
        number = (customer.number or first.exten) if not outbound else (first.exten or customer.number)
        address = tracker.address(number) if direction != "internal" else customer.number or None
        contact = tracker.open_contact(
            direction,
            first,
            address=address,
            name=None if outbound else _name(customer),
            dialled=first.exten or None,
            at=first.created_at,
            inferred=True,
        )
        contact.customer, contact.from_snapshot = customer, True
        self.opened += 1
        for channel in others:
            tracker.attach(contact, channel, first.created_at)
        return contact

    def _settle(self, contact: Contact, now: float | None) -> None:
        """Bring one contact to the state that the list shows."""
        customer = contact.customer
        if customer is None:
            if contact.from_snapshot and self.stale and contact.caller is None:
                self.close_lost(contact)
            return
        line = self._listed.get(customer.unique_id)
        if line is None:
            return
        fresh = contact.from_snapshot and line.fresh
        if fresh and line.application == "Queue" and not contact.interaction.queue_visits:
            contact.enter_queue(line.data.split(",")[0], None, customer.created_at, inferred=True)
        self._remember_who_asks(contact, customer, now)
        self._ring(contact)
        self._connect(contact, now)
        if contact.from_snapshot or self.stale:
            contact.end_lost_offers(now)

    def _remember_who_asks(self, contact: Contact, customer: Channel, now: float | None) -> None:
        """An agent whose stretch is open in the log while the customer hears music asks a colleague (Atxfer)."""
        heard = self.tracker.topology.heard_by(customer)
        for one in [s for s in contact.interaction.segments if s.open and s.agent not in contact.legs]:
            phones = [x.channel for x in self._listed.values() if x.fresh and x.channel.device == one.agent]
            asks = next((c for c in phones if c.contact is contact and c.bridge is not None and c not in heard), None)
            if asks is not None:
                contact.legs[one.agent] = Leg(asks, away=True, away_at=now)

    def _ring(self, contact: Contact) -> None:
        for line in self._listed.values():
            channel = line.channel
            rings = line.fresh and line.state == _RINGING and channel.contact is contact
            if not rings or channel is contact.customer or not self.tracker.parties.is_agent(channel.device):
                continue
            if any(leg.away for leg in contact.legs.values()) and contact.interaction.waiting_in() is None:
                channel.consult = True
                contact.consult_target, contact.consult_rang_at = channel, channel.created_at
            else:
                contact.offer(channel, channel.created_at, "direct", inferred=True)

    def _connect(self, contact: Contact, now: float | None) -> None:
        """Agents that have the customer: since when is not known, their channel's beginning is the nearest."""
        customer = contact.customer
        assert customer is not None
        new = [c for c in self.tracker.topology.heard_by(customer) if c.device not in contact.legs]
        begun = [c.created_at for c in new if c.created_at is not None and self.tracker.parties.is_agent(c.device)]
        at = max(begun, default=now) if contact.from_snapshot or self.stale else now
        self.tracker.refresh(contact, at, inferred=bool(new))

    # --- the queues ----------------------------------------------------------------------------------

    def waiting_caller(self, m: Message, at: float | None) -> None:
        """``QueueEntry``: somebody waits since ``Wait`` seconds."""
        channel = self.tracker.topology.get(m.get("Uniqueid"))
        self._waiting.add(m.get("Uniqueid"))
        contact = channel.contact if channel is not None else None
        if contact is None or contact.interaction.ended:
            return
        now = self.tracker.last_at if at is None else at
        visit = contact.interaction.waiting_in()
        here = visit is not None and visit.queue == m.get("Queue")
        if here and (now is None or not contact.interaction.inferred):
            return
        wait = m.get("Wait")
        since = now - float(wait) if now is not None and wait.isascii() and wait.isdigit() else channel_began(channel)
        contact.enter_queue(m.get("Queue"), None, since, inferred=True)

    def queues_complete(self, m: Message, at: float | None) -> None:
        """Whoever we believed to wait and is not listed has left meanwhile."""
        waiting, self._waiting = self._waiting, set()
        for contact in list(self.tracker.contacts.values()):
            visit = contact.interaction.waiting_in()
            customer = contact.customer
            if visit is None or customer is None or customer.unique_id in waiting:
                continue
            if contact.from_snapshot:
                contact.leave_queue(visit.queue, "answered" if contact.legs else "left", at, inferred=True)


def correct_answer(contact: Contact, m: Message, at: float | None) -> None:
    """The answer that we missed: ``AgentComplete`` says how long they waited and talked (whole seconds)."""
    i = contact.interaction
    if not contact.from_snapshot or at is None or not i.segments or len(i.segments) > 1:
        return
    hold, talk = m.get("HoldTime"), m.get("TalkTime")
    if not (hold.isdigit() and talk.isdigit()):
        return
    contact.from_snapshot = False
    # The seconds are whole ones, and the event comes a moment after the hang-up: what is known bounds them.
    left = [at, i.segments[0].end, contact.customer.hangup_requested_at if contact.customer is not None else None]
    answered_at = max(min(t for t in left if t is not None) - float(talk), i.started_at or 0.0)
    contact.emit(
        e.InteractionAmended(
            at=at,
            interaction_id=contact.id,
            answered_at=answered_at,
            queue_entered_at=max(answered_at - float(hold), i.started_at or 0.0),
            inferred=True,
        )
    )


def _seconds_of(unique_id: str) -> float | None:
    """A Uniqueid is ``[system-]seconds.counter``."""
    head = unique_id.rpartition("-")[2].partition(".")[0]
    return float(head) if head.isascii() and head.isdigit() else None


def _order(unique_id: str) -> tuple[float, int]:
    tail = unique_id.rpartition(".")[2]
    return _seconds_of(unique_id) or 0.0, int(tail) if tail.isascii() and tail.isdigit() else 0


def channel_began(channel: Channel | None) -> float | None:
    """The beginning of a channel, where nothing better is known."""
    return channel.created_at if channel is not None else None


def _name(channel: Channel) -> str | None:
    name = channel.caller_name.strip()
    return None if not name or name == "<unknown>" else name


def _last_time(contact: Contact) -> float | None:
    """The last moment that we know of a contact."""
    i = contact.interaction
    times = [i.started_at, i.answered_at]
    times += [o.at for o in i.offers] + [s.start for s in i.segments] + [s.end for s in i.segments]
    times += [v.entered_at for v in i.queue_visits] + [v.left_at for v in i.queue_visits]
    return max((t for t in times if t is not None), default=None)
