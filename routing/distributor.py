"""Stop 4: the decision. An event in, commands out; pure, and one method for each kind of event.

It owns the live state of the installation: the open interactions (each event applied once, here), the agents with
their devices, the queue members. Time is an argument (Unix seconds); delays are timers that somebody else runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

from interaction_log import events as e
from interaction_log.devices import at_console
from interaction_log.interaction import Interaction
from routing import commands as c
from routing.agents import Agent
from routing.places import Places
from routing.seats import DEFAULT_WRAP_UP_SECONDS, Settings
from routing.starting import chosen_from

__all__ = [
    "ANSWERING_SECONDS",
    "CLOSED_KEPT_SECONDS",
    "DEFAULT_WRAP_UP_SECONDS",
    "Distributor",
    "Settings",
    "chosen_from",
]

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


class Distributor(Places):
    """Live state and decisions. Call :meth:`handle` with each event, once, in order."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
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

    def placed_by(self, interaction_id: str, device: str) -> list[c.Command]:
        """This device began the call: it concerns who sits there, before anybody is connected."""
        one = self.interactions.get(interaction_id)
        agent = self.owner(device, one.pbx if one is not None else None)
        if agent is None:
            return []
        self._connected.setdefault(interaction_id, {})[agent.name] = None
        return [c.ShowInteraction(agent.name, interaction_id)]

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
            commands += self._no_longer_to_wrap(agent, one.id)
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


def _answering_timer(agent: str) -> str:
    return f"answering:{agent}"
