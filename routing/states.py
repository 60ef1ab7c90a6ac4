"""What agents are doing, and the work after a contact: states change in one place, pauses at the PBX follow. Pure."""

from __future__ import annotations

from interaction_log import events as e
from interaction_log.interaction import Interaction
from routing import commands as c
from routing.agents import Agent, Trigger
from routing.seats import Seats
from routing.wrap_up import TIMED, WrapUpRule


class States(Seats):
    """Agents' states, wrap-ups, and what is full with chats."""

    # --- a state changes -----------------------------------------------------------------------------

    def _move(self, agent: Agent, trigger: Trigger, until: float | None = None) -> list[c.Command]:
        """The one place where an agent's state changes."""
        before, commands = agent.told(), list[c.Command]()
        state = agent.next_state(trigger)
        if state != agent.state:
            agent.state = state
            agent.until = until if state == "WRAP_UP" else None
        agent.reason = agent.reason_of(state)
        if state == "LOGGED_OUT" and agent.to_wrap:
            commands = self._drop_wrap_ups(agent)
        commands += self._tell_anew(agent, before)
        return commands + (self._wrap_up_next(agent) if agent.to_wrap else []) + self._pause(agent)

    def _tell_anew(self, agent: Agent, before: tuple[object, ...]) -> list[c.Command]:
        """Record and show what is other than ``before`` (``Agent.told``)."""
        if agent.told() == before:
            return []
        if (agent.state, agent.reason) != before[:2]:
            agent.since = self._now
        return [c.Record(self._state_of(agent)), c.ShowAgent(agent.name), c.ShowQueues()]

    def _state_of(self, agent: Agent) -> e.AgentStateChanged:
        return e.AgentStateChanged(
            at=self._now,
            agent=agent.name,
            state=agent.state,
            reason=agent.reason,
            until=agent.until,
            interaction_id=agent.current(),
            to_wrap=list(agent.to_wrap),
        )

    def _pause(self, agent: Agent) -> list[c.Command]:
        """Full with chats and their wrap-ups, she gets no calls; with room again, at once."""
        self._weigh(agent)
        holders = agent.pause_holders()
        wanted = holders[0] if holders else None
        mine = [d for d in agent.devices if self._owners.get(d) == agent.name]
        queues = agent.held_queues() if agent.queue_pauses else None
        return [command for device in mine for command in self.pauses.want(device, wanted, queues)]

    def _weigh(self, agent: Agent) -> None:
        work = [*agent.in_hand.values(), *agent.after_work()]
        agent.room_for_a_call = not work or self.settings.capacity.room_for("voice", work)

    # --- what a contact leaves to do -----------------------------------------------------------------

    def wrap_up_rule(self, interaction_id: str | None) -> WrapUpRule:
        """How the wrap-up of this call ends; ``TIMED`` where nothing else is said."""
        one = self.interactions.get(interaction_id or "")
        if one is None or one.queue is None or one.direction == "internal":
            return TIMED
        return self.settings.wrap_up.get((one.pbx, one.queue), TIMED)

    def needs_disposition(self, agent: Agent) -> bool:
        """Whether she may do nothing else before she has chosen a disposition."""
        return agent.state == "WRAP_UP" and self.wrap_up_rule(agent.wrapping).mandatory

    def _leaves_work(self, one: Interaction) -> bool:
        mandatory = self.wrap_up_rule(one.id).mandatory and one.channel != "callback"
        return mandatory or self._wrap_up_seconds(one) > 0

    def _wrap_up_seconds(self, one: Interaction) -> float:
        if one.direction == "internal" or one.channel == "callback":  # the call that was made for it has its own
            return 0.0
        known = self.settings.queues.get((one.pbx, one.queue)) if one.queue is not None else None
        return known.wrap_up_seconds if known is not None else self.settings.default_wrap_up_seconds

    def leaves_work(self, name: str, interaction_id: str) -> bool:
        """Whether this chat or mail leaves her something to wrap up when it is not hers any more."""
        agent, one = self.agents.get(name), self.interactions.get(interaction_id)
        return agent is not None and one is not None and agent.chosen != "LOGGED_OUT" and self._leaves_work(one)

    def wraps_up(self, name: str, interaction_id: str) -> bool:
        """Whether its wrap-up is hers, now or when its turn comes."""
        agent = self.agents.get(name)
        return agent is not None and (agent.wrapping == interaction_id or interaction_id in agent.to_wrap)

    # --- a contact is over ---------------------------------------------------------------------------

    def _release(self, agent: Agent, one: Interaction) -> list[c.Command]:
        """Her last call is over."""
        if agent.chosen == "LOGGED_OUT" or not self._leaves_work(one) or agent.state != "BUSY":
            return self._move(agent, "released")
        return self._begin_wrap_up(agent, one)

    def _put_down(self, interaction_id: str, name: str | None) -> list[c.Command]:
        """This chat or mail is not hers any more."""
        agent = self.agents.get(name or "")
        if agent is None or agent.in_hand.pop(interaction_id, None) is None:
            return []
        return self._pause(agent)

    def _left(self, agent: Agent | None, interaction_id: str) -> list[c.Command]:
        """She had this chat or mail, and has it no more: its wrap-up follows, now or when she is free for it."""
        if agent is None or interaction_id not in agent.in_hand:
            return []
        before, commands = agent.told(), list[c.Command]()
        del agent.in_hand[interaction_id]
        if self.leaves_work(agent.name, interaction_id):
            agent.to_wrap[interaction_id] = self.interactions[interaction_id].channel
            commands = self._time_beside(agent, interaction_id)
        return commands + (self._wrap_up_next(agent) or self._tell_anew(agent, before)) + self._pause(agent)

    def _begin_wrap_up(self, agent: Agent, one: Interaction) -> list[c.Command]:
        agent.wrapping, agent.wrapping_channel = one.id, None if one.channel == "voice" else one.channel
        if self.wrap_up_rule(one.id).mandatory:  # her word ends it, no timer
            return self._move(agent, "released_to_wrap_up")
        seconds = self._wrap_up_seconds(one)
        timer = c.StartTimer(wrap_up_timer(agent.name), seconds)
        return [*self._move(agent, "released_to_wrap_up", until=self._now + seconds), timer]

    def _time_beside(self, agent: Agent, interaction_id: str) -> list[c.Command]:
        """Where wrap-ups run beside other work each has its own time; none where only her word ends it."""
        one = self.interactions[interaction_id]
        if self.settings.capacity.wrap_up != "weight" or self.wrap_up_rule(one.id).mandatory:
            return []
        ends = (self._now if one.ended_at is None else one.ended_at) + self._wrap_up_seconds(one)
        return [c.StartTimer(_beside_timer(one.id, agent.name), max(0.0, ends - self._now))]

    def _wrap_up_next(self, agent: Agent) -> list[c.Command]:
        """The wrap-up of a chat begins when she rests; her other chats go on meanwhile."""
        one_by_one = self.settings.capacity.wrap_up == "everything"
        while one_by_one and agent.to_wrap and agent.state in ("READY", "NOT_READY"):
            interaction_id = next(iter(agent.to_wrap))
            del agent.to_wrap[interaction_id]
            if interaction_id in self.interactions:
                return self._begin_wrap_up(agent, self.interactions[interaction_id])
        return []

    # --- a wrap-up is over ---------------------------------------------------------------------------

    def _wrapped_up(self, event: e.InteractionWrappedUp) -> list[c.Command]:
        """Finished by the agent, by time, or (late) after she chose another state: only the first two move her."""
        agent = self.agents.get(event.agent)
        if agent is None:
            return []
        if event.interaction_id in agent.to_wrap:
            return [*self._no_longer_to_wrap(agent, event.interaction_id), *self._pause(agent)]
        if agent.wrapping != event.interaction_id:
            return []
        agent.wrapping = None
        return [c.CancelTimer(wrap_up_timer(agent.name)), *self._move(agent, "wrap_up_over")]

    def _no_longer_to_wrap(self, agent: Agent, interaction_id: str) -> list[c.Command]:
        """Its wrap-up is over; or it came back to her, and its wrap-up is still to come."""
        if interaction_id not in agent.to_wrap:
            return []
        before = agent.told()
        del agent.to_wrap[interaction_id]
        return [c.CancelTimer(_beside_timer(interaction_id, agent.name)), *self._tell_anew(agent, before)]

    def _finish_wrap_up(self, agent: Agent) -> list[c.Command]:
        """The wrap-up ends without the agent's word."""
        interaction_id, agent.wrapping = agent.wrapping, None
        if interaction_id is None:
            return []
        return [c.CancelTimer(wrap_up_timer(agent.name)), c.Record(self._wrapped_up_by_time(agent, interaction_id))]

    def _finish_timed_wrap_up(self, agent: Agent) -> list[c.Command]:
        commands = self._finish_wrap_up(agent)
        return [*commands, *self._move(agent, "wrap_up_over")]

    def _wrapped_up_by_time(self, agent: Agent, interaction_id: str) -> e.InteractionWrappedUp:
        automatic = self.wrap_up_rule(interaction_id).automatic
        return e.InteractionWrappedUp(
            at=self._now, interaction_id=interaction_id, agent=agent.name, disposition=automatic, notes=None
        )

    def _drop_wrap_ups(self, agent: Agent) -> list[c.Command]:
        """She went home: what she did not wrap up is over."""
        dropped, agent.to_wrap = list(agent.to_wrap), {}
        commands: list[c.Command] = []
        for one in dropped:
            commands.append(c.CancelTimer(_beside_timer(one, agent.name)))
            if one in self.interactions:
                commands.append(c.Record(self._wrapped_up_by_time(agent, one)))
        return commands


def _beside_timer(interaction_id: str, agent: str) -> str:
    return f"beside:{interaction_id}:{agent}"


def wrap_up_timer(agent: str) -> str:
    """The timer that ends her wrap-up."""
    return f"wrap_up:{agent}"
