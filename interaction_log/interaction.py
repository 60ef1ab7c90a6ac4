"""The interaction: what its events add up to, and the public object of ``cti replay`` and the REST API.

Pure. One table (:data:`APPLY`) says what each event does to an :class:`Interaction`. The tracker, the
live state of the consoles, the stored projection and the replay all use this one table, so they cannot
disagree. Seconds are floats; ``None`` where the recording had no timestamps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from interaction_log import events as e
from interaction_log import messages, recordings
from interaction_log.messages import Message
from interaction_log.recordings import Recording


@dataclass(slots=True)
class Offer:
    """One ringing of one agent; ``result`` is ``None`` while it rings."""

    offer_id: str
    agent: str
    at: float | None
    source: e.OfferSource
    queue: str | None
    result: e.OfferResult | None = None
    ring_seconds: float | None = None


@dataclass(slots=True)
class Segment:
    """A stretch in which an agent had the customer."""

    agent: str
    start: float | None
    end: float | None = None
    open: bool = True

    @property
    def seconds(self) -> float:
        """Length, 0 while open or without times."""
        return max(0.0, self.end - self.start) if self.start is not None and self.end is not None else 0.0


@dataclass(slots=True)
class Hold:
    """One hold by an agent's phone."""

    by: str
    start: float | None
    end: float | None = None
    open: bool = True

    @property
    def seconds(self) -> float:
        """Length, 0 while open or without times."""
        return max(0.0, self.end - self.start) if self.start is not None and self.end is not None else 0.0


@dataclass(slots=True)
class Transfer:
    """The customer was sent on by ``source``."""

    transfer_id: str
    kind: e.TransferKind
    source: str
    target: str
    completed: bool = False


@dataclass(slots=True)
class QueueVisit:
    """One stay in one queue."""

    queue: str
    entered_at: float | None
    left_at: float | None = None
    result: e.QueueResult | None = None

    @property
    def seconds(self) -> float | None:
        """Waiting time, ``None`` while waiting or without times."""
        if self.entered_at is None or self.left_at is None:
            return None
        return max(0.0, self.left_at - self.entered_at)


@dataclass(slots=True)
class Interaction:
    """One contact on one channel, from its events."""

    id: str
    pbx: str = ""
    channel: e.Channel = "voice"
    direction: e.Direction = "inbound"
    customer_address: str | None = None
    customer_name: str | None = None
    dialled: str | None = None
    outcome: e.Outcome | None = None
    started_at: float | None = None
    answered: bool = False
    answered_at: float | None = None
    ended: bool = False
    ended_at: float | None = None
    ended_by: e.EndedBy | None = None
    linked_ids: list[str] = field(default_factory=list)
    unique_ids: list[str] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    queue_visits: list[QueueVisit] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    conference: bool = False
    parked: bool = False
    parked_now: bool = False
    inferred: bool = False
    customer_id: str | None = None
    disposition: str | None = None
    notes: str | None = None
    campaign: str | None = None

    def apply(self, event: e.InteractionEvent) -> None:
        """Take one event in. Events may come twice or late; none raises."""
        step = APPLY.get(type(event))
        if step is not None:
            step(self, event)
        self.inferred = self.inferred or event.inferred

    @property
    def queue(self) -> str | None:
        """The queue that answered the contact first, else the one it is or was in last."""
        answered = next((v.queue for v in self.queue_visits if v.result == "answered"), None)
        return answered or (self.queue_visits[-1].queue if self.queue_visits else None)

    @property
    def queues(self) -> list[str]:
        """The names of all queues visited, in order."""
        return [v.queue for v in self.queue_visits]

    @property
    def talk_seconds(self) -> float:
        """Sum of the segments."""
        return sum(s.seconds for s in self.segments)

    @property
    def hold_seconds(self) -> float:
        """Sum of the phones' holds."""
        return sum(h.seconds for h in self.holds)

    @property
    def wait_seconds(self) -> float | None:
        """From the first queue (else the start) to the answer, to leaving for voicemail, or to the end."""
        if self.direction != "inbound":
            return None
        start = self.queue_visits[0].entered_at if self.queue_visits else self.started_at
        stop = self.answered_at if self.answered else self._wait_stop()
        return max(0.0, stop - start) if start is not None and stop is not None else None

    def _wait_stop(self) -> float | None:
        if self.outcome == "voicemail" and self.queue_visits:
            return self.queue_visits[-1].left_at
        if self.outcome == "voicemail" and self.offers:
            rang = self.offers[-1]
            return rang.at + (rang.ring_seconds or 0.0) if rang.at is not None else None
        return self.ended_at

    def open_segment(self, device: str) -> Segment | None:
        """The running segment of ``device``."""
        return next((s for s in self.segments if s.open and s.agent == device), None)

    def recording(self) -> Recording | None:
        """The recording that is written now."""
        return next((r for r in self.recordings if r.open), None)

    def open_offers(self) -> list[Offer]:
        """Devices that ring now."""
        return [o for o in self.offers if o.result is None]

    def waiting_in(self) -> QueueVisit | None:
        """The queue in which the caller waits now."""
        last = self.queue_visits[-1] if self.queue_visits else None
        return last if last is not None and last.result is None else None

    def public(self) -> dict[str, Any]:
        """The object of DESIGN 6.1."""
        return {
            "channel": self.channel,
            "direction": self.direction,
            "customer_address": self.customer_address,
            "customer_name": self.customer_name,
            "dialled": self.dialled,
            "queue": self.queue,
            "outcome": self.outcome,
            "started_at": self.started_at,
            "answered_at": self.answered_at,
            "ended_at": self.ended_at,
            "ended_by": self.ended_by,
            "wait_seconds": _rounded(self.wait_seconds),
            "talk_seconds": _rounded(self.talk_seconds),
            "hold_seconds": _rounded(self.hold_seconds),
            "linked_ids": list(self.linked_ids),
            "unique_ids": list(self.unique_ids),
            "offers": [
                {"agent": o.agent, "at": o.at, "result": o.result, "ring_seconds": _rounded(o.ring_seconds)}
                for o in self.offers
            ],
            "segments": [{"agent": s.agent, "from": s.start, "to": s.end} for s in self.segments],
            "transfers": [
                {"kind": t.kind, "from": t.source, "to": t.target, "completed": t.completed} for t in self.transfers
            ],
            "holds": [{"by": h.by, "seconds": _rounded(h.seconds)} for h in self.holds],
            "recordings": [one.public() for one in self.recordings],
            "messages": [one.public() for one in self.messages],
            "conference": self.conference,
            "parked": self.parked,
            "inferred": self.inferred,
            "queues": self.queues,
            "queue_visits": [
                {
                    "queue": v.queue,
                    "entered_at": v.entered_at,
                    "left_at": v.left_at,
                    "wait_seconds": _rounded(v.seconds),
                    "result": v.result,
                }
                for v in self.queue_visits
            ],
            **({"campaign": self.campaign} if self.campaign is not None else {}),
        }


WITH_THE_CONTACT_SECONDS: Final = 2.0
"""A stretch that ended so shortly before the contact ended with it: bridges are left before channels are hung up."""


def segment_result(i: Interaction, n: int) -> str | None:
    """How stretch ``n`` ended: by ``customer``, ``agent`` or ``system`` with the contact, else ``transferred``,
    ``parked``, or ``left`` (a conference goes on without this one). ``None`` while it runs."""
    segment = i.segments[n]
    if segment.open:
        return None
    last = all(other.end is not None and other.end <= (segment.end or 0.0) for other in i.segments)
    if i.ended and last and _soon(segment.end, i.ended_at):
        return i.ended_by or "system"
    if any(one.completed and one.source == segment.agent for one in i.transfers):
        return "transferred"
    return "parked" if i.parked else "left"


def _soon(end: float | None, ended_at: float | None) -> bool:
    return end is None or ended_at is None or ended_at - end <= WITH_THE_CONTACT_SECONDS


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _started(i: Interaction, event: e.InteractionStarted) -> None:
    i.pbx, i.channel, i.direction = event.pbx, event.channel, event.direction
    i.customer_address, i.customer_name, i.dialled = event.customer_address, event.customer_name, event.dialled
    i.started_at = event.at
    _remember(i.unique_ids, event.unique_id)
    _remember(i.linked_ids, event.linked_id)


def _remember(ids: list[str], one: str) -> None:
    if one and one not in ids:
        ids.append(one)


def _amended(i: Interaction, event: e.InteractionAmended) -> None:
    for name in ("direction", "customer_address", "customer_name", "dialled", "started_at", "outcome", "ended_by"):
        value = getattr(event, name)
        if value is not None:
            setattr(i, name, value)
    if event.answered_at is not None:
        _answer_corrected(i, event.answered_at, event.queue_entered_at)


def _answer_corrected(i: Interaction, answered_at: float, entered_at: float | None) -> None:
    """An answer that nobody saw is dated afterwards, and with it the first segment and the wait before it."""
    i.answered, i.answered_at = True, answered_at
    if i.segments:
        i.segments[0].start = answered_at
    if i.queue_visits and entered_at is not None:
        i.queue_visits[0].entered_at, i.queue_visits[0].left_at = entered_at, answered_at


def _attached(i: Interaction, event: e.ChannelAttached) -> None:
    _remember(i.unique_ids, event.unique_id)
    _remember(i.linked_ids, event.linked_id)


def _queue_entered(i: Interaction, event: e.QueueEntered) -> None:
    waiting = i.waiting_in()
    if waiting is None or waiting.queue != event.queue:
        i.queue_visits.append(QueueVisit(event.queue, event.at))
    elif event.inferred:
        waiting.entered_at = event.at


def _queue_left(i: Interaction, event: e.QueueLeft) -> None:
    for visit in reversed(i.queue_visits):
        if visit.queue == event.queue:
            visit.left_at = event.at if visit.left_at is None else visit.left_at
            visit.result = event.result
            return


def _offered(i: Interaction, event: e.InteractionOffered) -> None:
    if all(o.offer_id != event.offer_id for o in i.offers):
        i.offers.append(Offer(event.offer_id, event.device, event.at, event.source, event.queue))


def _offer_ended(i: Interaction, event: e.OfferEnded) -> None:
    for offer in i.offers:
        if offer.offer_id == event.offer_id:
            offer.agent, offer.result, offer.ring_seconds = event.device, event.result, event.ring_seconds


def _connected(i: Interaction, event: e.AgentConnected) -> None:
    if i.open_segment(event.device) is None:
        i.segments.append(Segment(event.device, event.at))
    if not i.answered:
        i.answered, i.answered_at = True, event.at


def _disconnected(i: Interaction, event: e.AgentDisconnected) -> None:
    segment = i.open_segment(event.device)
    if segment is not None:
        segment.open, segment.end = False, event.at
    _close_holds(i, event.device, event.at)


def _held(i: Interaction, event: e.CallHeld) -> None:
    if not any(h.open and h.by == event.device for h in i.holds):
        i.holds.append(Hold(event.device, event.at))


def _resumed(i: Interaction, event: e.CallResumed) -> None:
    if event.discard:
        i.holds = [h for h in i.holds if not (h.open and h.by == event.device)]
    _close_holds(i, event.device, event.at)


def _close_holds(i: Interaction, device: str, at: float | None) -> None:
    for hold in i.holds:
        if hold.open and hold.by == device:
            hold.open, hold.end = False, at


def _transfer_started(i: Interaction, event: e.TransferStarted) -> None:
    if all(t.transfer_id != event.transfer_id for t in i.transfers):
        i.transfers.append(Transfer(event.transfer_id, event.kind, event.device, event.target))


def _transfer_redirected(i: Interaction, event: e.TransferRedirected) -> None:
    for transfer in i.transfers:
        if transfer.transfer_id == event.transfer_id:
            transfer.target = event.target
            transfer.kind = event.kind or transfer.kind


def _transfer_completed(i: Interaction, event: e.TransferCompleted) -> None:
    for transfer in i.transfers:
        if transfer.transfer_id == event.transfer_id:
            transfer.completed = True


def _parked(i: Interaction, event: e.CallParked) -> None:
    i.parked = i.parked_now = True


def _retrieved(i: Interaction, event: e.CallRetrieved) -> None:
    i.parked_now = False


def _conference(i: Interaction, event: e.ConferenceJoined) -> None:
    i.conference = True


def _recording(i: Interaction, event: e.RecordingStarted) -> None:
    recordings.started(i.recordings, event)


def _recording_changed(i: Interaction, event: e.InteractionEvent) -> None:
    recordings.changed(i.recordings, event)


def _message_left(i: Interaction, event: e.MessageLeft) -> None:
    messages.left(i.messages, event)


def _message_filed(i: Interaction, event: e.MessageFiled) -> None:
    messages.filed(i.messages, event)


def _ended(i: Interaction, event: e.InteractionEnded) -> None:
    if i.ended:
        return
    i.ended, i.ended_at = True, event.at
    i.outcome, i.ended_by = event.outcome, event.ended_by
    i.parked_now = False
    for one in i.recordings:
        one.stop(event.at)


def _caller_found(i: Interaction, event: e.CallerFound) -> None:
    if event.strength == "known" and event.customer is not None and i.customer_id is None:
        i.customer_id = str(event.customer["id"])


def _identified(i: Interaction, event: e.CustomerIdentified) -> None:
    i.customer_id = event.customer_id


def _campaign_named(i: Interaction, event: e.CampaignNamed) -> None:
    i.campaign = event.campaign


def _noted(i: Interaction, event: e.NoteWritten) -> None:
    i.notes = event.text


def _wrapped_up(i: Interaction, event: e.InteractionWrappedUp) -> None:
    i.disposition = event.disposition or i.disposition
    if event.notes is not None:
        i.notes = event.notes


APPLY: Final[dict[type[e.Event], Callable[[Interaction, Any], None]]] = {
    e.InteractionStarted: _started,
    e.InteractionAmended: _amended,
    e.ChannelAttached: _attached,
    e.QueueEntered: _queue_entered,
    e.QueueLeft: _queue_left,
    e.InteractionOffered: _offered,
    e.OfferEnded: _offer_ended,
    e.AgentConnected: _connected,
    e.AgentDisconnected: _disconnected,
    e.CallHeld: _held,
    e.CallResumed: _resumed,
    e.TransferStarted: _transfer_started,
    e.TransferRedirected: _transfer_redirected,
    e.TransferCompleted: _transfer_completed,
    e.CallParked: _parked,
    e.CallRetrieved: _retrieved,
    e.ConferenceJoined: _conference,
    e.RecordingStarted: _recording,
    e.RecordingNamed: _recording_changed,
    e.RecordingPaused: _recording_changed,
    e.RecordingResumed: _recording_changed,
    e.RecordingStopped: _recording_changed,
    e.RecordingDeleted: _recording_changed,
    e.MessageLeft: _message_left,
    e.MessageFiled: _message_filed,
    e.InteractionEnded: _ended,
    e.CallerFound: _caller_found,
    e.CustomerIdentified: _identified,
    e.CampaignNamed: _campaign_named,
    e.NoteWritten: _noted,
    e.InteractionWrappedUp: _wrapped_up,
}


def fold(events: list[e.InteractionEvent]) -> dict[str, Interaction]:
    """The interactions that these events add up to, by id, in order of start."""
    found: dict[str, Interaction] = {}
    for event in events:
        found.setdefault(event.interaction_id, Interaction(event.interaction_id)).apply(event)
    return found
