"""A start takes over what the log says of the time before: states, calls, what is still to be wrapped up. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from interaction_log import events as e
from interaction_log.devices import at_console
from interaction_log.interaction import Interaction
from routing import commands as c
from routing.agents import PBX_PREFIX, Agent
from routing.states import States, wrap_up_timer


class Starting(States):
    """Restores the live state, once, before any event."""

    def restore(self, interactions: Iterable[Interaction], agents: Iterable[Agent], now: float) -> list[c.Command]:
        """Take over what the log says of the time before this process. Before any event."""
        self._now = now
        for one in interactions:
            self.interactions[one.id] = one
            if one.ended:  # it is wrapped up yet
                self._closed[one.id] = now
        commands: list[c.Command] = []
        for agent in agents:
            self.agents[agent.name] = agent
            for device in agent.devices:
                self._owners.setdefault(device, agent.name)
        for agent in self.agents.values():
            commands += self._restore_agent(agent)
        return commands

    def _restore_agent(self, agent: Agent) -> list[c.Command]:
        for one in self.interactions.values():
            self._restore_calls(agent, one)
        commands = [*self._restore_wrap_ups(agent), *self._restore_state(agent), *self._wrap_up_next(agent)]
        self._weigh(agent)
        return commands

    def _restore_wrap_ups(self, agent: Agent) -> list[c.Command]:
        """What she has still to wrap up is hers, though it ended; elsewhere nobody would ask for it any more."""
        agent.to_wrap = {i: self.interactions[i].channel for i in agent.to_wrap if i in self.interactions}
        for i in agent.to_wrap if agent.wrapping is None else (*agent.to_wrap, agent.wrapping):
            if i in self.interactions:
                self._connected.setdefault(i, {})[agent.name] = None
        running = self.interactions.get(agent.wrapping or "")
        agent.wrapping_channel = running.channel if running is not None and running.channel != "voice" else None
        return [command for i in agent.to_wrap for command in self._time_beside(agent, i)]

    def _restore_state(self, agent: Agent) -> list[c.Command]:
        if agent.state == "WRAP_UP" and agent.wrapping in self.interactions and agent.until is not None:
            left = max(0.0, agent.until - self._now)
            return [c.StartTimer(wrap_up_timer(agent.name), left)]
        if agent.wrapping in self.interactions and self.needs_disposition(agent):
            return []
        agent.wrapping = None
        if agent.talking:
            return self._turn_to(agent, "BUSY")
        if agent.state in ("OFFERED", "BUSY", "WRAP_UP"):
            return self._turn_to(agent, agent.rest())
        return []

    def _restore_calls(self, agent: Agent, one: Interaction) -> None:
        hers = self.devices_of(agent, one.pbx)
        for segment in one.segments:
            if at_console(segment.agent) == agent.name and segment.open and agent.signed_in:
                self._connected.setdefault(one.id, {})[agent.name] = None
                agent.in_hand[one.id] = one.channel
            if segment.agent in hers and agent.signed_in:
                self._connected.setdefault(one.id, {})[agent.name] = None
                if segment.open:
                    agent.talking[one.id, segment.agent] = self._leaves_work(one)
        for offer in one.open_offers():
            if offer.agent in hers and agent.signed_in:
                self._add_offer(agent, offer.offer_id, one.id)
                self.pops.restore(agent.name, one.id)

    def _turn_to(self, agent: Agent, state: e.AgentState) -> list[c.Command]:
        if agent.state == state:
            return []
        agent.state, agent.until, agent.since = state, None, self._now
        agent.reason = agent.reason_of(state)
        return [c.Record(self._state_of(agent))]


def chosen_from(state: e.AgentState, reason: str | None) -> tuple[e.AgentState, str | None]:
    """What an agent had chosen, as far as her last recorded state tells it."""
    if state == "LOGGED_OUT":
        return "LOGGED_OUT", None
    if state == "NOT_READY" and not (reason or "").startswith(PBX_PREFIX):
        return "NOT_READY", reason
    return "READY", None
