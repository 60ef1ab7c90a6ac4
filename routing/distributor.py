"""Stop 4: the decision. An event in, commands out; pure, and one method for each kind of event.

It owns the live state of the installation: the open interactions (each event applied once, here), the agents with
their devices, the queue members. Time is an argument (Unix seconds); delays are timers that somebody else runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from interaction_log import events as e
from interaction_log.devices import at, at_console, split
from interaction_log.interaction import Interaction
from interaction_log.records import QueueSettings
from routing import commands as c
from routing.agents import PBX_PREFIX, SIGNED_IN, Agent, QueuePause, Trigger
from routing.capacity import Capacity
from routing.pauses import Pauses
from routing.pops import LOOKUP_PATIENCE_SECONDS, Pops
from routing.wrap_up import TIMED, WrapUpRule

DEFAULT_WRAP_UP_SECONDS: Final = 30
"""Wrap-up of calls that came through no queue of ours: direct and outbound ones."""
CLOSED_KEPT_SECONDS: Final = 900.0
"""How long a closed interaction stays at hand, for late notes and for consoles that resume (DESIGN 4: 15 minutes)."""

ANSWERING_SECONDS: Final = 30.0
"""How long the PBX may take from a lifted phone to the connection: announcements to the agent come between."""

_CLOSE_REASONS: Final[dict[e.OfferResult, c.CloseReason]] = {
    "answered": "answered",
    "no_answer": "no_answer",
    "declined": "declined",
    "cancelled": "caller_gone",
    "failed": "no_answer",
}
_QUEUE_FIGURES_CHANGE: Final = frozenset(
    {e.QueueEntered, e.QueueLeft, e.InteractionEnded, e.MemberChanged, e.DeviceStateChanged}
)


@dataclass(slots=True)
class Settings:
    """What the decisions depend on. ``queues`` and ``wrap_up`` by (pbx, queue name)."""

    queues: dict[tuple[str, str], QueueSettings] = field(default_factory=dict)
    wrap_up: dict[tuple[str, str], WrapUpRule] = field(default_factory=dict)
    capacity: Capacity = field(default_factory=Capacity)
    default_wrap_up_seconds: float = DEFAULT_WRAP_UP_SECONDS
    lookup_patience_seconds: float = LOOKUP_PATIENCE_SECONDS


class Distributor:
    """Live state and decisions. Call :meth:`handle` with each event, once, in order."""

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
        self._methods: dict[type[e.Event], Callable[[Any], list[c.Command]]] = {
            e.InteractionStarted: self._identity_known,
            e.InteractionAmended: self._identity_known,
            e.InteractionOffered: self._offered,
            e.OfferEnded: self._offer_ended,
            e.AgentConnected: self._agent_connected,
            e.AgentDisconnected: self._agent_disconnected,
            e.InteractionEnded: self._interaction_ended,
            e.CallerFound: self._caller_found,
            e.InteractionWrappedUp: self._wrapped_up,
            e.AgentSignedIn: self._agent_signed_in,
            e.StateChosen: self._state_chosen,
            e.QueuePaused: self._queue_paused,
            e.QueueResumed: self._queue_resumed,
            e.TimerFired: self._timer_fired,
            e.MemberChanged: self._member_changed,
            e.DeviceStateChanged: self._device_state_changed,
            e.QueueSeen: self._queue_seen,
            e.LinkLost: self._link_lost,
            e.LinkRestored: self._link_restored,
        }

    # --- the way in ----------------------------------------------------------------------------------

    def handle(self, event: e.Event, now: float) -> list[c.Command]:
        """Take one event in and say what follows from it, in order."""
        self._now = now
        if isinstance(event, e.InteractionEvent):
            return self._handle_interaction(event)
        method = self._methods.get(type(event))
        commands = method(event) if method is not None else []
        if type(event) in _QUEUE_FIGURES_CHANGE:
            commands.append(c.ShowQueues())
        return commands

    def _handle_interaction(self, event: e.InteractionEvent) -> list[c.Command]:
        found = self.interactions.get(event.interaction_id)
        if found is None:
            if not isinstance(event, e.InteractionStarted):
                return []
            found = self.interactions[event.interaction_id] = Interaction(event.interaction_id)
        if not isinstance(event, e.CallerFound):  # who it is, is what CustomerIdentified says
            found.apply(event)
        method = self._methods.get(type(event))
        concerned = self._concerned(event.interaction_id)
        commands: list[c.Command] = []
        if method is not None:
            commands += method(event)
            concerned |= self._concerned(event.interaction_id)
        concerned |= self._watching.get(event.interaction_id, {})
        commands += [c.ShowInteraction(agent, event.interaction_id) for agent in concerned]
        if type(event) in _QUEUE_FIGURES_CHANGE:
            commands.append(c.ShowQueues())
        return commands

    # --- look-ups ------------------------------------------------------------------------------------

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

    def placed_by(self, interaction_id: str, device: str) -> list[c.Command]:
        """This device began the call: it concerns who sits there, before anybody is connected."""
        one = self.interactions.get(interaction_id)
        agent = self.owner(device, one.pbx if one is not None else None)
        if agent is None:
            return []
        self._connected.setdefault(interaction_id, {})[agent.name] = None
        return [c.ShowInteraction(agent.name, interaction_id)]

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

    # --- offers and pops -----------------------------------------------------------------------------

    def _identity_known(self, event: e.InteractionStarted | e.InteractionAmended) -> list[c.Command]:
        """At the first sight of a caller's number the look-up starts; the ring comes later."""
        one = self.interactions[event.interaction_id]
        if one.ended or one.direction == "internal" or one.customer_id is not None or event.customer_address is None:
            return []
        return self.pops.look_up(one.id, event.customer_address)

    def _caller_found(self, event: e.CallerFound) -> list[c.Command]:
        return self.pops.found(self.interactions[event.interaction_id], event, self._now)

    def _offered(self, event: e.InteractionOffered) -> list[c.Command]:
        agent = self.owner(event.device, self.interactions[event.interaction_id].pbx)
        if agent is None:
            return []
        self._add_offer(agent, event.offer_id, event.interaction_id)
        commands: list[c.Command] = []
        if at_console(event.device) is not None:  # its room is taken with the offer, and her phone paused for it
            agent.in_hand[event.interaction_id] = self.interactions[event.interaction_id].channel
            commands = self._pause(agent)
        return commands + self.pops.ring(agent.name, event.interaction_id) + self._move(agent, "rang")

    def _offer_ended(self, event: e.OfferEnded) -> list[c.Command]:
        commands: list[c.Command] = []
        for agent in self._those(self._ringing.get(event.interaction_id, {}).copy()):
            if self._drop_offers(agent, event.interaction_id, event.offer_id):
                if event.interaction_id not in agent.offers.values():
                    commands += self.pops.close(agent.name, event.interaction_id, self._close_reason(event))
                commands += self._no_longer_offered(agent, event)
        return commands

    def _no_longer_offered(self, agent: Agent, event: e.OfferEnded) -> list[c.Command]:
        at_desk = at_console(event.device) is not None
        if event.result == "answered":
            self._connected.setdefault(event.interaction_id, {})[agent.name] = None
        if event.result == "answered" and not at_desk:
            agent.answering = event.interaction_id
            return [c.StartTimer(_answering_timer(agent.name), ANSWERING_SECONDS)]
        commands = self._put_down(event.interaction_id, agent.name) if at_desk and event.result != "answered" else []
        over = not agent.offers and agent.answering is None
        return commands + (self._move(agent, "offers_over") if over else [])

    def _no_longer_answering(self, agent: Agent) -> list[c.Command]:
        """She lifted the phone, and it led to nothing."""
        if agent.answering is None:
            return []
        agent.answering = None
        return [
            c.CancelTimer(_answering_timer(agent.name)),
            *([] if agent.offers else self._move(agent, "offers_over")),
        ]

    def _close_reason(self, event: e.OfferEnded) -> c.CloseReason:
        one = self.interactions[event.interaction_id]
        taken = event.result == "cancelled" and any(s.open for s in one.segments)
        return "answered_by_other" if taken else _CLOSE_REASONS[event.result]

    # --- calls ---------------------------------------------------------------------------------------

    def _agent_connected(self, event: e.AgentConnected) -> list[c.Command]:
        one = self.interactions[event.interaction_id]
        agent = self.owner(event.device, one.pbx)
        if agent is None:
            return []
        self._connected.setdefault(one.id, {})[agent.name] = None
        if one.channel != "voice":
            agent.in_hand[one.id] = one.channel
            rang = self._drop_offers(agent, one.id)
            commands = self.pops.close(agent.name, one.id, "answered") if rang else []
            return commands + self._pause(agent) + ([] if agent.offers else self._move(agent, "offers_over"))
        agent.talking[one.id, event.device] = self._leaves_work(one)
        self._drop_offers(agent, one.id)  # how the ringing ended may have been missed; that it ended is certain
        commands = []
        if agent.answering is not None:
            agent.answering = None
            commands.append(c.CancelTimer(_answering_timer(agent.name)))
        if agent.wrapping is not None and agent.wrapping != one.id:
            commands += self._finish_wrap_up(agent)
        agent.wrapping = None
        return commands + self.pops.close(agent.name, one.id, "answered") + self._move(agent, "connected")

    def _agent_disconnected(self, event: e.AgentDisconnected) -> list[c.Command]:
        commands: list[c.Command] = []
        if at_console(event.device) is not None:
            return self._left(self.agents.get(at_console(event.device) or ""), event.interaction_id)
        for agent in self._those(self._connected.get(event.interaction_id, ())):  # she may have left the device
            if agent.talking.pop((event.interaction_id, event.device), None) is not None and not agent.talking:
                commands += self._release(agent, self.interactions[event.interaction_id])
        return commands

    def _release(self, agent: Agent, one: Interaction) -> list[c.Command]:
        """Her last call is over."""
        if agent.chosen == "LOGGED_OUT" or not self._leaves_work(one) or agent.state != "BUSY":
            return self._move(agent, "released")
        return self._begin_wrap_up(agent, one)

    def _begin_wrap_up(self, agent: Agent, one: Interaction) -> list[c.Command]:
        agent.wrapping, agent.wrapping_channel = one.id, None if one.channel == "voice" else one.channel
        if self.wrap_up_rule(one.id).mandatory:  # her word ends it, no timer
            return self._move(agent, "released_to_wrap_up")
        seconds = self._wrap_up_seconds(one)
        timer = c.StartTimer(_wrap_up_timer(agent.name), seconds)
        return [*self._move(agent, "released_to_wrap_up", until=self._now + seconds), timer]

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

    def _interaction_ended(self, event: e.InteractionEnded) -> list[c.Command]:
        """Nothing of an ended call rings or talks, whatever the PBX forgot to say."""
        commands: list[c.Command] = []
        one = self.interactions[event.interaction_id]
        for agent in self._those(self._concerned(one.id)):
            if self._drop_offers(agent, one.id):
                commands += self._put_down(one.id, agent.name) + self.pops.close(agent.name, one.id, "ended")
                commands += [] if agent.offers or agent.answering else self._move(agent, "offers_over")
            if agent.answering == one.id:
                commands += self._no_longer_answering(agent)
            commands += self._left(agent, one.id)
            for key in [k for k in agent.talking if k[0] == one.id]:
                del agent.talking[key]
                commands += [] if agent.talking else self._release(agent, one)
        self._closed[one.id] = self._now
        self.pops.ended(one.id)
        self._forget_old()
        return commands

    def _forget_old(self) -> None:
        old = list(itertools.takewhile(lambda one: self._now - one[1] >= CLOSED_KEPT_SECONDS, self._closed.items()))
        wrapping = {one for a in self.agents.values() for one in (a.wrapping, *a.to_wrap)} if old else set()
        for interaction_id, _ in old:
            if interaction_id not in wrapping:
                del self._closed[interaction_id]
                self.interactions.pop(interaction_id, None)
                self.pops.forget(interaction_id)
                self._connected.pop(interaction_id, None)

    # --- chats and mails -----------------------------------------------------------------------------

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

    def leaves_work(self, name: str, interaction_id: str) -> bool:
        """Whether this chat or mail leaves her something to wrap up when it is not hers any more."""
        agent, one = self.agents.get(name), self.interactions.get(interaction_id)
        return agent is not None and one is not None and agent.chosen != "LOGGED_OUT" and self._leaves_work(one)

    def wraps_up(self, name: str, interaction_id: str) -> bool:
        """Whether its wrap-up is hers, now or when its turn comes."""
        agent = self.agents.get(name)
        return agent is not None and (agent.wrapping == interaction_id or interaction_id in agent.to_wrap)

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

    # --- wrap-up -------------------------------------------------------------------------------------

    def _wrapped_up(self, event: e.InteractionWrappedUp) -> list[c.Command]:
        """Finished by the agent, by time, or (late) after she chose another state: only the first two move her."""
        agent = self.agents.get(event.agent)
        if agent is None:
            return []
        if event.interaction_id in agent.to_wrap:
            before = agent.told()
            del agent.to_wrap[event.interaction_id]
            over = c.CancelTimer(_beside_timer(event.interaction_id, agent.name))
            return [over, *self._tell_anew(agent, before), *self._pause(agent)]
        if agent.wrapping != event.interaction_id:
            return []
        agent.wrapping = None
        return [c.CancelTimer(_wrap_up_timer(agent.name)), *self._move(agent, "wrap_up_over")]

    def _finish_wrap_up(self, agent: Agent) -> list[c.Command]:
        """The wrap-up ends without the agent's word."""
        interaction_id, agent.wrapping = agent.wrapping, None
        if interaction_id is None:
            return []
        return [c.CancelTimer(_wrap_up_timer(agent.name)), c.Record(self._wrapped_up_by_time(agent, interaction_id))]

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

    # --- agents --------------------------------------------------------------------------------------

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

    # --- pauses --------------------------------------------------------------------------------------

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

    # --- the PBX -------------------------------------------------------------------------------------

    def _device_state_changed(self, event: e.DeviceStateChanged) -> list[c.Command]:
        self.device_states[event.pbx, event.device] = event.state
        return []

    def _queue_seen(self, event: e.QueueSeen) -> list[c.Command]:
        self.queues_seen[event.pbx, event.queue] = None
        return [c.ShowQueues()]

    def _link_lost(self, event: e.LinkLost) -> list[c.Command]:
        return [c.Notify(None, "error", "pbx_lost", {"pbx": event.pbx, "reason": event.reason})]

    def _link_restored(self, event: e.LinkRestored) -> list[c.Command]:
        told = c.Notify(None, "info", "pbx_restored", {"pbx": event.pbx})
        return [told, *self.pauses.reconcile(event.pbx), c.ShowQueues()]

    # --- time ----------------------------------------------------------------------------------------

    def _timer_fired(self, event: e.TimerFired) -> list[c.Command]:
        kind, _, rest = event.key.partition(":")
        if kind == "pause":
            return self._pause_settled(*rest.split(":", 1))
        if kind == "pop":
            return self.pops.waited(rest)
        if kind == "beside":
            interaction_id, _, name = rest.partition(":")
            waits = self.agents.get(name)
            hers = waits is not None and interaction_id in waits.to_wrap and interaction_id in self.interactions
            return [c.Record(self._wrapped_up_by_time(waits, interaction_id))] if waits is not None and hers else []
        her = self.agents.get(rest)
        if her is None or kind not in ("wrap_up", "answering"):
            return []
        return self._finish_timed_wrap_up(her) if kind == "wrap_up" else self._no_longer_answering(her)

    def _pause_settled(self, pbx: str, device: str) -> list[c.Command]:
        commands = self.pauses.settled(pbx, device)
        agent = self.owner(device, pbx)
        if agent is not None and self.pauses.disobeyed(pbx, device):
            commands.append(c.Notify(agent.name, "error", "member_not_paused", {"device": device, "pbx": pbx}))
        return commands

    def _finish_timed_wrap_up(self, agent: Agent) -> list[c.Command]:
        commands = self._finish_wrap_up(agent)
        return [*commands, *self._move(agent, "wrap_up_over")]

    # --- starting again ------------------------------------------------------------------------------

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
            return [c.StartTimer(_wrap_up_timer(agent.name), left)]
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


def _answering_timer(agent: str) -> str:
    return f"answering:{agent}"


def _beside_timer(interaction_id: str, agent: str) -> str:
    return f"beside:{interaction_id}:{agent}"


def _wrap_up_timer(agent: str) -> str:
    return f"wrap_up:{agent}"
