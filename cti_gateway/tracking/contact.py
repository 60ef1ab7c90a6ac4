"""One contact while it lives: what the tracker remembers beside the public interaction. Pure.

Every change is an event that is applied to :attr:`Contact.interaction` at once and handed to the tracker's
outbox, so tracker and log can never disagree. The public fields are explained in DESIGN 6.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from cti_gateway.tracking.channels import Channel
from interaction_log import events as e
from interaction_log.interaction import Interaction, Offer, QueueVisit, Transfer

# Q.850 causes by which a phone says "not now": user busy, call rejected (Asterisk include/asterisk/causes.h).
DECLINED_CAUSES: Final = frozenset({"17", "21"})
SAME_MOMENT: Final = 1.0
"""Seconds in which events of one transfer may change places (AMI-FACTS 6.6; milliseconds were seen)."""
_DIAL_RESULT: Final[dict[str, e.OfferResult]] = {
    "ANSWER": "answered",
    "BUSY": "declined",
    "DONTCALL": "declined",
    "TORTURE": "declined",
    "CANCEL": "cancelled",
    "ABORT": "cancelled",
    "CHANUNAVAIL": "failed",
    "CONGESTION": "failed",
}


@dataclass(slots=True)
class Leg:
    """An agent's part in the contact. ``away`` since the two stopped hearing each other; ``left`` says who left."""

    channel: Channel
    away: bool = False
    away_at: float | None = None
    left: Literal["agent", "customer"] = "agent"

    def ended_at(self, at: float | None) -> float | None:
        """When the agent let go: when the customer went, or when she left the last bridge (a consultation counts)."""
        if self.left == "customer":
            return self.away_at
        return at if self.channel.bridge is not None else self.channel.left_bridge_at


@dataclass(slots=True)
class Ring:
    """An offer that rings (or has just ended) at this channel."""

    offer: Offer
    channel: Channel


@dataclass(slots=True)
class PendingTransfer:
    """A blind transfer of which we do not know yet where it goes: parking is none."""

    device: str
    exten: str
    at: float | None
    kind: e.TransferKind = "blind"


@dataclass(slots=True)
class OutsideLeg:
    """How the leg to the outside ended, for the outcome of an outbound call that nobody answered."""

    status: str = ""
    cause: str = ""
    tech_cause: str = ""
    ended_at: float | None = None
    by_far_end: bool = False


@dataclass(slots=True, eq=False)
class Contact:
    """An open interaction and the channels that carry it."""

    interaction: Interaction
    outbox: Callable[[e.InteractionEvent], None]
    customer: Channel | None = None
    caller: Channel | None = None
    legs: dict[str, Leg] = field(default_factory=dict)
    rings: dict[str, Ring] = field(default_factory=dict)
    pending: PendingTransfer | None = None
    outside: OutsideLeg | None = None
    consult_target: Channel | None = None
    consult_rang_at: float | None = None
    last_agent: str | None = None
    last_agent_hung_up: bool = False
    last_exten: str = ""
    abandon_seen: bool = False
    leave_pending: tuple[str, float | None] | None = None
    message_left: bool = False
    dial_status: str = ""
    joined_outside: bool = False
    redirected_at: float | None = None
    let_go: str | None = None
    """The channel that has just transferred the customer away, and may stand beside him for a moment still."""
    returned: str | None = None
    """The transfer that nobody took: the customer came back to the one who had sent him on."""
    from_snapshot: bool = False
    counter: int = 0

    @property
    def id(self) -> str:
        """The interaction's id."""
        return self.interaction.id

    def emit(self, event: e.InteractionEvent) -> None:
        """This happened: to the public interaction and to the outbox."""
        self.interaction.apply(event)
        self.outbox(event)

    def _next(self) -> int:
        self.counter += 1
        return self.counter

    # --- queues ------------------------------------------------------------------------------------

    def enter_queue(self, queue: str, position: int | None, at: float | None, inferred: bool = False) -> None:
        """The caller waits."""
        self.settle_leave()
        self.abandon_seen = False
        self.emit(e.QueueEntered(at=at, interaction_id=self.id, queue=queue, position=position, inferred=inferred))

    def leave_queue(self, queue: str, result: e.QueueResult, at: float | None, inferred: bool = False) -> None:
        """The caller no longer waits there."""
        self.leave_pending = None
        self.emit(e.QueueLeft(at=at, interaction_id=self.id, queue=queue, result=result, inferred=inferred))

    def caller_left_queue(self, queue: str, at: float | None, given_up: e.QueueResult = "timeout") -> None:
        """``QueueCallerLeave``: answered or gone; which of both is told before, or by the next event (AMI-FACTS 1)."""
        if any(r.offer.result == "answered" for r in self.rings.values()):
            self.leave_queue(queue, "answered", at)
        elif self.customer is not None and self.customer.hangup_requested:
            self.leave_queue(queue, "abandoned", at)
        elif self.abandon_seen:
            self.leave_queue(queue, given_up, at)
        else:
            self.leave_pending = (queue, at)

    def settle_leave(self, result: e.QueueResult = "left") -> None:
        """Whatever made the caller leave, it is known now."""
        if self.leave_pending is not None:
            queue, at = self.leave_pending
            self.leave_queue(queue, result, at)

    def last_visit(self) -> QueueVisit | None:
        """The queue visited last."""
        visits = self.interaction.queue_visits
        return visits[-1] if visits else None

    # --- offers ------------------------------------------------------------------------------------

    def offer(self, channel: Channel, at: float | None, source: e.OfferSource, inferred: bool = False) -> None:
        """An agent's phone rings."""
        if channel.unique_id in self.rings:
            return
        visit = self.interaction.waiting_in()
        self.emit(
            e.InteractionOffered(
                at=at,
                interaction_id=self.id,
                offer_id=channel.unique_id,
                device=channel.device,
                source="queue" if visit is not None else source,
                queue=visit.queue if visit is not None else None,
                inferred=inferred,
            )
        )
        self.rings[channel.unique_id] = Ring(self.interaction.offers[-1], channel)

    def end_offer(self, ring: Ring, result: e.OfferResult, at: float | None, inferred: bool = False) -> None:
        """The ringing is over; a later, better explanation may correct the result."""
        offer = ring.offer
        if offer.result == result:
            return
        seconds = offer.ring_seconds
        if offer.result is None:
            seconds = max(0.0, at - offer.at) if at is not None and offer.at is not None else None
        self.emit(
            e.OfferEnded(
                at=at,
                interaction_id=self.id,
                offer_id=offer.offer_id,
                device=ring.channel.device,
                result=result,
                ring_seconds=seconds,
                inferred=inferred,
            )
        )

    def end_lost_offers(self, at: float | None) -> None:
        """Ringing from before a gap of which the PBX will not tell the end any more."""
        ringing = {ring.offer.offer_id for ring in self.rings.values()}
        for offer in self.interaction.open_offers():
            answered = offer.agent in self.legs
            if answered or offer.offer_id not in ringing:
                self.emit(
                    e.OfferEnded(
                        at=at,
                        interaction_id=self.id,
                        offer_id=offer.offer_id,
                        device=offer.agent,
                        result="answered" if answered else "cancelled",
                        ring_seconds=None,
                        inferred=True,
                    )
                )

    def dial_ended(self, target: Channel, status: str, at: float | None) -> None:
        """``DialEnd`` (it may come twice: the first counts, AMI-FACTS 6.1)."""
        ring = self.rings.get(target.unique_id)
        if ring is None or ring.offer.result is not None:
            return
        self.end_offer(ring, self._result_of(target, status), at)

    def _result_of(self, target: Channel, status: str) -> e.OfferResult:
        if target.request_cause in DECLINED_CAUSES and status != "ANSWER":
            return "declined"
        return _DIAL_RESULT.get(status, "no_answer")

    def ring_channel_gone(self, channel: Channel, cause: str, at: float | None) -> None:
        """The phone's channel is gone: a ring that nobody ended ends, a refusal becomes known by its cause."""
        ring = self.rings.pop(channel.unique_id, None)
        if ring is None:
            return
        if ring.offer.result is None:
            caller_gone = self.customer is None or self.customer.hangup_requested
            self.end_offer(
                ring,
                "declined"
                if cause in DECLINED_CAUSES
                else "cancelled"
                if caller_gone or cause == "26"
                else "no_answer",
                at,
            )
        elif ring.offer.result == "no_answer" and cause in DECLINED_CAUSES:
            self.end_offer(ring, "declined", at)

    # --- agents ------------------------------------------------------------------------------------

    def connect(self, channel: Channel, at: float | None, inferred: bool = False) -> None:
        """An agent and the customer hear each other."""
        device = channel.device
        self._close_earlier_legs(device, at)
        self.legs[device] = Leg(channel)
        self.settle_leave("answered")
        visit = self.interaction.waiting_in()
        if visit is not None:
            self.leave_queue(visit.queue, "answered", at, inferred)
        self.flush_pending(target=device)
        self.last_agent, self.last_agent_hung_up = device, False
        self.last_exten = self.customer.exten if self.customer is not None else ""
        self.emit(e.AgentConnected(at=at, interaction_id=self.id, device=device, inferred=inferred))
        if self._came_back(device):
            self.returned = self.interaction.transfers[-1].transfer_id
        else:
            self.complete_transfer(at)

    def _close_earlier_legs(self, device: str, at: float | None) -> None:
        """Another agent has the customer now: those who no longer hear him had him before."""
        for other, leg in list(self.legs.items()):
            if other != device and leg.away and (leg.left == "customer" or leg.channel.hangup_requested):
                self.disconnect(other, leg.ended_at(at))

    def disconnect(self, device: str, at: float | None, inferred: bool = False) -> None:
        """The agent no longer has the customer."""
        leg = self.legs.pop(device, None)
        if leg is None:
            return
        self.last_agent, self.last_agent_hung_up = device, leg.channel.hangup_requested
        self.emit(e.AgentDisconnected(at=at, interaction_id=self.id, device=device, inferred=inferred))

    def leg_of(self, channel: Channel) -> Leg | None:
        """The leg that this channel carries."""
        leg = self.legs.get(channel.device)
        return leg if leg is not None and leg.channel is channel else None

    def sent_away_by(self, device: str) -> bool:
        """Whether this agent has just parked or sent on the customer, who has not left the bridge yet."""
        if self.interaction.parked_now:
            return device == self.last_agent
        return self.pending is not None and self.pending.device == device

    def end_legs_that_customer_left(self, at: float | None) -> None:
        """The customer is elsewhere for good."""
        for device, leg in list(self.legs.items()):
            self.disconnect(device, leg.away_at if leg.away else at)

    def hold(self, device: str, at: float | None) -> None:
        """The phone put the customer on hold."""
        if device in self.legs:
            self.emit(e.CallHeld(at=at, interaction_id=self.id, device=device))

    def resume(self, device: str, at: float | None, *, discard: bool = False) -> None:
        """The phone took the customer back; an ``Unhold`` without a ``Hold`` is nothing (AMI-FACTS 6.8)."""
        if any(h.open and h.by == device for h in self.interaction.holds):
            self.emit(e.CallResumed(at=at, interaction_id=self.id, device=device, discard=discard))

    # --- transfers ---------------------------------------------------------------------------------

    def start_transfer(self, kind: e.TransferKind, device: str, target: str, at: float | None) -> None:
        """The customer was sent on."""
        transfer_id = f"t{self._next()}"
        self.emit(
            e.TransferStarted(
                at=at, interaction_id=self.id, transfer_id=transfer_id, kind=kind, device=device, target=target
            )
        )

    def flush_pending(self, target: str | None = None) -> None:
        """Where the blind transfer goes is known now (``None``: to an extension that is nobody)."""
        if self.pending is None:
            self._redirect_open_transfer(target)
            return
        pending, self.pending = self.pending, None
        self.start_transfer(pending.kind, pending.device, target or f"exten:{pending.exten}", pending.at)

    def _under_way(self) -> Transfer | None:
        """The transfer of which nothing has become yet."""
        last = self.interaction.transfers[-1] if self.interaction.transfers else None
        return last if last is not None and not last.completed and last.transfer_id != self.returned else None

    def _came_back(self, device: str) -> bool:
        """Whether the customer was sent to a phone and is with the sender again (who may be an agent of a queue)."""
        last = self._under_way()
        return last is not None and last.source == device != last.target and "/" in last.target

    def _redirect_open_transfer(self, target: str | None) -> None:
        last = self._under_way()
        if last is None or target is None or not last.target.startswith("exten:"):
            return
        self.emit(e.TransferRedirected(at=None, interaction_id=self.id, transfer_id=last.transfer_id, target=target))

    def complete_transfer(self, at: float | None) -> None:
        """The target talks to the customer."""
        last = self._under_way()
        if last is not None:
            self.emit(e.TransferCompleted(at=at, interaction_id=self.id, transfer_id=last.transfer_id))

    def open_transfer(self) -> bool:
        """Whether a transfer is under way."""
        return self.pending is not None or self._under_way() is not None

    def notice_redirect(self, target: str, agent: str | None, only_if_moved: bool = False) -> None:
        """Somebody moved the customer without a transfer event (AMI Redirect): elsewhere, and no agent hung up."""
        agent = agent or self.last_agent
        if agent is None or self.pending is not None or self.open_transfer() or self.interaction.parked_now:
            return
        still_heard = any(not leg.away for leg in self.legs.values())
        hung_up = self.last_agent_hung_up or any(leg.channel.hangup_requested for leg in self.legs.values())
        customer = self.customer
        moved = customer is not None and self.last_exten not in ("", customer.exten)
        if still_heard or hung_up or (only_if_moved and not moved) or self.interaction.conference:
            return
        left_at = next((leg.away_at for leg in self.legs.values() if leg.away), None)
        self.end_legs_that_customer_left(left_at)
        self.start_transfer("redirect", agent, target, left_at)
        self.redirected_at = left_at
        self.last_exten = customer.exten if customer is not None else ""

    def was_blind(self, agent: str, at: float | None) -> bool:
        """The transfer's own event came after its effect: what looked like a redirect was a blind transfer."""
        last = self.interaction.transfers[-1] if self.interaction.transfers else None
        if last is None or last.kind != "redirect" or last.source != agent:
            return False
        if at is not None and self.redirected_at is not None and at - self.redirected_at > SAME_MOMENT:
            return False
        self.emit(
            e.TransferRedirected(
                at=at, interaction_id=self.id, transfer_id=last.transfer_id, target=last.target, kind="blind"
            )
        )
        return True

    def flush_exten(self) -> None:
        """A customer who was redirected to an extension where nobody rang."""
        if self.pending is None and self.customer is not None:
            self.notice_redirect(f"exten:{self.customer.exten}", None, only_if_moved=True)

    # --- the end -----------------------------------------------------------------------------------

    def end(self, outcome: e.Outcome, ended_by: e.EndedBy | None, at: float | None, *, inferred: bool = False) -> None:
        """The customer's end. Whatever was still open ends with it."""
        self.flush_pending()
        for ring in list(self.rings.values()):
            if ring.offer.result is None:
                self.end_offer(ring, "cancelled", at, inferred)
        self.end_lost_offers(at)
        self.settle_leave("abandoned" if outcome == "abandoned" else "left")
        visit = self.interaction.waiting_in()
        if visit is not None:
            self.leave_queue(visit.queue, _QUEUE_RESULT.get(outcome, "left"), at, inferred)
        for device, leg in list(self.legs.items()):
            stop = leg.away_at if leg.away and leg.left == "customer" else at
            self.disconnect(device, stop, inferred)
        self.emit(
            e.InteractionEnded(at=at, interaction_id=self.id, outcome=outcome, ended_by=ended_by, inferred=inferred)
        )


_QUEUE_RESULT: Final[dict[str, e.QueueResult]] = {
    "abandoned": "abandoned",
    "timeout": "timeout",
    "no_agent": "no_agent",
    "pbx_lost": "pbx_lost",
    "answered": "answered",
}
