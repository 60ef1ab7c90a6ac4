"""What is so at this moment with one agent's call: read from the tracker's state, never from single events. Pure.

A plan's proof and a transfer's next state are questions to these facts, so an event that a gap swallowed or that came
in another order changes nothing (AMI-FACTS 2 and 6.6).
"""

from __future__ import annotations

from dataclasses import dataclass

from cti_gateway.calls import CallTracker
from cti_gateway.tracking.channels import Channel
from cti_gateway.tracking.contact import Contact


@dataclass(frozen=True, slots=True)
class Facts:
    """One agent's view of one call. Channels are given by their full names."""

    interaction_id: str
    device: str
    mine: str | None = None
    """The channel of the agent's phone, while it has part in the call."""
    in_bridge: bool = False
    """That channel is in a bridge: in none for a moment while the PBX moves it from one to another."""
    customer: str | None = None
    customer_hears: frozenset[str] = frozenset()
    """The channels that the customer talks to."""
    with_devices: frozenset[str] = frozenset()
    """The phones of those."""
    hears: frozenset[str] = frozenset()
    """The channels that the agent's phone talks to."""
    target: str | None = None
    """Who rings or talks as the colleague that the agent asks."""
    has_leg: bool = False
    """Whether the agent has the customer, also while the customer hears music."""
    held: bool = False
    parked: bool = False
    waiting_in: str | None = None
    direction: str = "inbound"
    calls_herself: bool = False
    """The agent is the calling side of a call between colleagues: she stands where else the customer does."""
    recorded: tuple[str, ...] = ()
    """The channels that are recorded now, by the PBX's word."""
    recorded_twice: bool = False
    """Two recordings run on one channel."""
    paused: bool = False
    """All of these recordings get silence."""
    ended: bool = False

    @property
    def together(self) -> bool:
        """Agent and customer hear each other."""
        return self.mine is not None and self.mine in self.customer_hears

    @property
    def asked(self) -> bool:
        """Agent and asked colleague hear each other."""
        return self.target is not None and self.target in self.hears

    @property
    def others(self) -> frozenset[str]:
        """Whom the customer hears beside this agent."""
        return self.customer_hears - {self.mine} if self.mine is not None else self.customer_hears

    @property
    def three(self) -> bool:
        """Agent, customer and a third talk together."""
        return self.together and bool(self.others)


def facts_of(tracker: CallTracker, interaction_id: str, device: str) -> Facts:
    """The facts now; a call that is over (or was never there) has ``ended``."""
    contact = tracker.contacts.get(interaction_id)
    if contact is None or contact.interaction.ended:
        return Facts(interaction_id, device, ended=True)
    one = contact.interaction
    visit = one.waiting_in()
    mine, customer = _mine(tracker, contact, device), contact.customer
    target = _living(tracker, contact.consult_target)
    around = tracker.topology.heard_by(customer) if customer is not None else []
    running = [r for r in one.recordings if r.open]
    recorded = [tracker.topology.by_id[r.unique_id].name for r in running if r.unique_id in tracker.topology.by_id]
    return Facts(
        interaction_id,
        device,
        mine=mine.name if mine is not None else None,
        in_bridge=mine is not None and mine.bridge is not None,
        customer=customer.name if customer is not None else None,
        customer_hears=frozenset(c.name for c in around),
        with_devices=frozenset(c.device for c in around),
        hears=frozenset(c.name for c in tracker.topology.heard_by(mine)) if mine is not None else frozenset(),
        target=target.name if target is not None and target is not mine else None,
        has_leg=device in contact.legs,
        held=any(h.open and h.by == device for h in one.holds),
        parked=one.parked_now,
        waiting_in=visit.queue if visit is not None else None,
        direction=one.direction,
        calls_herself=customer is not None and customer.device == device,
        recorded=tuple(dict.fromkeys(recorded)),
        recorded_twice=len(set(recorded)) < len(recorded),
        paused=bool(running) and all(r.gap is not None for r in running),
    )


def _mine(tracker: CallTracker, contact: Contact, device: str) -> Channel | None:
    leg = contact.legs.get(device)
    if leg is not None:
        return _living(tracker, leg.channel)
    customer = contact.customer
    around = tracker.topology.heard_by(customer) if customer is not None else []
    return next((c for c in around if c.device == device), None)


def _living(tracker: CallTracker, channel: Channel | None) -> Channel | None:
    return channel if channel is not None and channel.unique_id in tracker.topology.by_id else None
