"""Who sits where, and whom each contact concerns: the live state that the decisions are made of. Pure.

Open interactions, agents with their devices, queue members, and the few look-ups over them. What happens to them is
decided in what is built on this: ``states``, ``places``, ``starting`` and ``distributor``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from interaction_log import events as e
from interaction_log.devices import at, at_console, split
from interaction_log.interaction import Interaction
from interaction_log.records import QueueSettings
from routing.agents import Agent
from routing.capacity import Capacity
from routing.pauses import Pauses
from routing.pops import LOOKUP_PATIENCE_SECONDS, Pops
from routing.wrap_up import WrapUpRule

DEFAULT_WRAP_UP_SECONDS: Final = 30
"""Wrap-up of calls that came through no queue of ours: direct and outbound ones."""


@dataclass(slots=True)
class Settings:
    """What the decisions depend on. ``queues`` and ``wrap_up`` by (pbx, queue name)."""

    queues: dict[tuple[str, str], QueueSettings] = field(default_factory=dict)
    wrap_up: dict[tuple[str, str], WrapUpRule] = field(default_factory=dict)
    capacity: Capacity = field(default_factory=Capacity)
    default_wrap_up_seconds: float = DEFAULT_WRAP_UP_SECONDS
    lookup_patience_seconds: float = LOOKUP_PATIENCE_SECONDS


class Seats:
    """The live state of the installation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.interactions: dict[str, Interaction] = {}
        self.agents: dict[str, Agent] = {}
        self.device_states: dict[tuple[str, str], e.DeviceState] = {}
        self.queues_seen: dict[tuple[str, str], None] = {}
        self.pops = Pops(settings.lookup_patience_seconds)
        self._owners: dict[str, str] = {}  # by seat: ``PJSIP/1001`` or ``berlin:PJSIP/1001``
        self.pauses = Pauses(self._owners)
        self._connected: dict[str, dict[str, None]] = {}
        self._ringing: dict[str, dict[str, None]] = {}  # agents by interaction; like _connected, so that none is sought
        self._watching: dict[str, dict[str, None]] = {}
        self._closed: dict[str, float] = {}
        self._now = 0.0

    def owner(self, device: str, pbx: str | None = None) -> Agent | None:
        """The person who sits at this device (of this PBX) and is signed in."""
        agent = self.agents.get(self._seated(pbx, device))
        return agent if agent is not None and agent.signed_in else None

    def _seated(self, pbx: str | None, device: str) -> str:
        """Who sits there; empty: nobody. The full name goes before the telephone's own."""
        console = at_console(device)
        if console is not None:
            return console
        exact = self._owners.get(at(pbx, device)) if pbx is not None else None
        return exact if exact is not None else self._owners.get(device, "")

    def devices_of(self, agent: Agent, pbx: str) -> list[str]:
        """The telephones of this PBX that the agent has, as the PBX names them."""
        found = []
        for seat in agent.devices:
            of, device = split(seat)
            if of == pbx or (of is None and at(pbx, device) not in self._owners):
                found.append(device)
        return found

    def interactions_of(self, agent: str) -> list[Interaction]:
        """Open interactions and the one in wrap-up that concern this agent."""
        her = self.agents.get(agent)
        kept = set(her.to_wrap) if her is not None else set()
        if her is not None and her.state == "WRAP_UP" and her.wrapping is not None:
            kept.add(her.wrapping)
        return [
            i for i in self.interactions.values() if (not i.ended or i.id in kept) and agent in self._concerned(i.id)
        ]

    def may_act_on(self, agent: str, interaction_id: str) -> bool:
        """Whether this agent has, had or is offered the interaction (nobody acts on another's call)."""
        return agent in self._concerned(interaction_id)

    def watch(self, agent: str, interaction_id: str) -> None:
        """This agent is asked about the interaction: she sees it change, and may do nothing to it."""
        self._watching.setdefault(interaction_id, {})[agent] = None

    def unwatch(self, agent: str, interaction_id: str) -> None:
        """She is not asked any more."""
        watching = self._watching.get(interaction_id, {})
        watching.pop(agent, None)
        if not watching:
            self._watching.pop(interaction_id, None)

    def _concerned(self, interaction_id: str) -> dict[str, None]:
        """Who had it, has it, or hears it ring; a dict as an ordered set."""
        return self._connected.get(interaction_id, {}) | self._ringing.get(interaction_id, {})

    def _add_offer(self, agent: Agent, offer_id: str, interaction_id: str) -> None:
        agent.offers[offer_id] = interaction_id
        self._ringing.setdefault(interaction_id, {})[agent.name] = None

    def _drop_offers(self, agent: Agent, interaction_id: str, offer_id: str | None = None) -> bool:
        """Forget one ringing at her devices, or all of an interaction; whether there was one."""
        gone = [o for o, i in agent.offers.items() if i == interaction_id and offer_id in (None, o)]
        for one in gone:
            del agent.offers[one]
        ringing = self._ringing.get(interaction_id)
        if gone and ringing is not None and interaction_id not in agent.offers.values():
            ringing.pop(agent.name, None)
            if not ringing:
                del self._ringing[interaction_id]
        return bool(gone)

    def _those(self, names: Iterable[str]) -> list[Agent]:
        return [self.agents[name] for name in names]
