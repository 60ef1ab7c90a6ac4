"""Agents at their places: signing in, what they choose, and what is done with their membership at the PBX. Pure."""

from __future__ import annotations

from interaction_log import events as e
from interaction_log.devices import at
from routing import commands as c
from routing.agents import SIGNED_IN, Agent, QueuePause
from routing.starting import Starting


class Places(Starting):
    """What agents and supervisors choose, and what somebody does at the PBX instead."""

    def _agent_signed_in(self, event: e.AgentSignedIn) -> list[c.Command]:
        agent = self.agents.setdefault(event.agent, Agent(event.agent, event.name))
        agent.display_name = event.name
        commands = self._take_devices(agent, event.devices)
        if agent.chosen == "LOGGED_OUT":
            agent.chosen, agent.chosen_reason = "NOT_READY", SIGNED_IN
        return commands + self._foreign_pause(agent) + self._move(agent, "signed_in")

    def _take_devices(self, agent: Agent, devices: list[str]) -> list[c.Command]:
        """A device belongs to the one who sat down last (hot-desking); who sat there before is told."""
        commands: list[c.Command] = []
        for device in devices:
            other = self.agents.get(self._owners.get(device, agent.name))
            if other is not None and other is not agent:
                commands += self._lose_device(other, device)
            self._owners[device] = agent.name
        for device in set(agent.devices) - set(devices):
            if self._owners.get(device) == agent.name:
                del self._owners[device]
                commands += self.pauses.want(device, None)
        agent.devices = list(devices)
        return commands

    def _lose_device(self, agent: Agent, device: str) -> list[c.Command]:
        agent.devices = [d for d in agent.devices if d != device]
        commands: list[c.Command] = []
        if agent.signed_in:
            commands.append(c.Notify(agent.name, "warning", "signed_in_elsewhere", {"device": device}))
        if not agent.devices and agent.signed_in:
            agent.chosen, agent.chosen_reason = "LOGGED_OUT", None
            commands += self._move(agent, "chose")
        return commands

    def _state_chosen(self, event: e.StateChosen) -> list[c.Command]:
        agent = self.agents.get(event.agent)
        if agent is None:
            return []
        agent.chosen = event.state
        agent.chosen_reason = event.reason if event.state == "NOT_READY" else None
        if event.state == "READY":
            agent.pbx_reason = None if self.pauses.foreign(agent.devices) is None else agent.pbx_reason
        waits = self.needs_disposition(agent) and event.state != "LOGGED_OUT"
        commands = self._finish_wrap_up(agent) if agent.state == "WRAP_UP" and not waits else []
        commands += self._pause(agent) if waits else self._move(agent, "chose")
        if event.command_id is not None:
            later = waits or agent.state in ("BUSY", "OFFERED")
            commands.append(c.ReportOutcome(agent.name, event.command_id, True, "after_call" if later else None))
        return commands

    # --- pauses in single queues, and by others ------------------------------------------------------

    def _queue_paused(self, event: e.QueuePaused) -> list[c.Command]:
        agent = self.agents.get(event.agent)
        if agent is None:
            return []
        holds = agent.queue_pauses.setdefault((event.pbx, event.queue), {})
        holds[event.holder] = QueuePause(event.reason, event.by, self._now if event.at is None else event.at)
        return [*self._pause(agent), c.ShowAgent(agent.name)]

    def _queue_resumed(self, event: e.QueueResumed) -> list[c.Command]:
        """One holder let go; the pause stays while another holds it, or a pause in all queues."""
        agent, place = self.agents.get(event.agent), (event.pbx, event.queue)
        holds = agent.queue_pauses.get(place) if agent is not None else None
        if agent is None or holds is None or holds.pop(event.holder, None) is None:
            return []
        if not holds:
            del agent.queue_pauses[place]
        return [*self._pause(agent), c.ShowAgent(agent.name)]

    def _member_changed(self, event: e.MemberChanged) -> list[c.Command]:
        sight = self.pauses.seen(event)
        agent = self.agents.get(self._seated(event.pbx, event.device))
        if agent is None:
            return self.pauses.want(at(event.pbx, event.device), None)  # what an earlier process left behind
        commands = self._released_by_others(agent, event) if sight == "ours_removed" else []
        if (event.pbx, event.queue) in agent.queue_pauses:
            commands.append(c.ShowAgent(agent.name))
        return commands + self._foreign_pause(agent) + self._pause(agent)

    def _released_by_others(self, agent: Agent, event: e.MemberChanged) -> list[c.Command]:
        """Somebody ended our pause at the PBX: taken over, in this queue and, if it was in all, as her state."""
        commands: list[c.Command] = []
        for holder in agent.queue_pauses.pop((event.pbx, event.queue), {}):
            ended = e.QueueResumed(
                at=self._now, agent=agent.name, pbx=event.pbx, queue=event.queue, holder=holder, by=""
            )
            commands += [c.Record(ended), c.ShowAgent(agent.name)]
        away = agent.state == "NOT_READY" and agent.chosen == "NOT_READY"
        if away:
            agent.chosen, agent.chosen_reason = "READY", None
        if away or commands:
            commands.append(c.Notify(agent.name, "warning", "released_at_pbx", {"queue": event.queue}))
        return [*commands, *self._move(agent, "chose")] if away else commands

    def _foreign_pause(self, agent: Agent) -> list[c.Command]:
        """Somebody paused her at the PBX in all her queues, or ended that."""
        reason = self.pauses.foreign(agent.devices)
        if reason == agent.pbx_reason:
            return []
        agent.pbx_reason = reason
        return self._move(agent, "pbx_changed")

    def _pause_settled(self, pbx: str, device: str) -> list[c.Command]:
        commands = self.pauses.settled(pbx, device)
        agent = self.owner(device, pbx)
        if agent is not None and self.pauses.disobeyed(pbx, device):
            commands.append(c.Notify(agent.name, "error", "member_not_paused", {"device": device, "pbx": pbx}))
        return commands
