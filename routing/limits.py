"""Limits: offers that nobody answers, pauses that last too long, states that do not end. Pure.

:class:`Limits` sees each event after the distributor, and answers with commands like it: timers (the server's, on a
monotonic clock), notices, and :class:`~interaction_log.events.StateChosen` events where a limit has a consequence.
It owns no state of an agent, only counts and which of its timers run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from interaction_log import events as e
from interaction_log.interaction import Interaction
from routing import commands as c
from routing.agents import Agent
from routing.distributor import Distributor

PREFIX: Final = "limit"
SWEEP_SECONDS: Final = 15.0
"""How often open calls are compared with the PBX's channels."""
NOT_RESPONDING: Final = "not_responding"
_MISSES: Final = frozenset({"no_answer", "declined"})

PauseAction = Literal["notice", "ready", "logged_out"]
Alive = Callable[[Interaction], bool | None]
"""Whether a call has channels at its PBX; ``None`` where that cannot be said now (the link is down)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseLimit:
    """How long NOT_READY with one reason may last, and what happens then (supervisors are told in any case)."""

    seconds: float
    action: PauseAction = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """Seconds; 0 switches an alarm off. ``missed_offers``: so many in a row make her not ready (0: never)."""

    missed_offers: int = 3
    offered_seconds: float = 120.0
    wrap_up_seconds: float = 900.0
    dead_call_seconds: float = 60.0
    pauses: dict[str, PauseLimit] = field(default_factory=dict)


class Limits:
    """Hand it each event after the distributor took it (:meth:`handle`), and :meth:`restore` once at the start."""

    def __init__(self, live: Distributor, rules: LimitRules, alive: Alive) -> None:
        self.rules = rules
        self.last_call: dict[str, float] = {}
        """When each agent's last call ended (Unix seconds)."""
        self._live, self._alive = live, alive
        self._missed: dict[str, int] = {}
        self._seen: dict[str, tuple[e.AgentState, str | None]] = {}
        self._queues: dict[str, list[str]] = {}
        self._gone_since: dict[str, float] = {}
        self._told: dict[str, None] = {}
        self._methods: dict[type[e.Event], Callable[[Any, float], list[c.Command]]] = {
            e.OfferEnded: self._offer_ended,
            e.AgentConnected: self._connected,
            e.AgentDisconnected: self._disconnected,
            e.InteractionEnded: self._ended,
            e.AgentStateChanged: self._state_changed,
            e.MemberChanged: self._member_changed,
            e.TimerFired: self._timer_fired,
        }

    def handle(self, event: e.Event, now: float) -> list[c.Command]:
        """What follows from ``event`` by the limits, in order."""
        method = self._methods.get(type(event))
        return method(event, now) if method is not None else []

    def restore(self, now: float) -> list[c.Command]:
        """The timers of states that began before this process."""
        commands: list[c.Command] = [c.StartTimer(f"{PREFIX}:sweep", SWEEP_SECONDS)]
        for agent in self._live.agents.values():
            self._seen[agent.name] = (agent.state, agent.reason)
            commands += self._clock(agent, max(0.0, now - agent.since))
        return commands

    # --- offers that nobody answers ------------------------------------------------------------------

    def _offer_ended(self, event: e.OfferEnded, _: float) -> list[c.Command]:
        agent = self._whose(event)
        if agent is None or event.result not in _MISSES or agent.chosen != "READY" or not self._from_queue(event):
            return []
        missed = self._missed[agent.name] = self._missed.get(agent.name, 0) + 1
        if not self.rules.missed_offers or missed < self.rules.missed_offers:
            return []
        self._missed.pop(agent.name)
        away = e.StateChosen(at=event.at, agent=agent.name, state="NOT_READY", reason=NOT_RESPONDING)
        return [
            c.Record(away),
            c.Notify(agent.name, "warning", NOT_RESPONDING, {"missed": str(missed)}),
            self._tell("agent_not_responding", agent, missed=str(missed)),
        ]

    def _whose(self, event: e.OfferEnded | e.AgentConnected | e.AgentDisconnected) -> Agent | None:
        one = self._live.interactions.get(event.interaction_id)
        return self._live.owner(event.device, one.pbx if one is not None else None)

    def _from_queue(self, event: e.OfferEnded) -> bool:
        """A colleague's direct call that she lets ring is no miss of a waiting caller's."""
        one = self._live.interactions.get(event.interaction_id)
        offers = one.offers if one is not None else []
        return any(offer.offer_id == event.offer_id and offer.source == "queue" for offer in offers)

    def _connected(self, event: e.AgentConnected, _: float) -> list[c.Command]:
        agent = self._whose(event)
        if agent is not None:
            self._missed.pop(agent.name, None)
        return []

    def _disconnected(self, event: e.AgentDisconnected, now: float) -> list[c.Command]:
        agent = self._whose(event)
        if agent is not None:
            self.last_call[agent.name] = event.at if event.at is not None else now
        return []

    def _ended(self, event: e.InteractionEnded, _: float) -> list[c.Command]:
        self._gone_since.pop(event.interaction_id, None)
        self._told.pop(event.interaction_id, None)
        return []

    # --- states that last ----------------------------------------------------------------------------

    def _state_changed(self, event: e.AgentStateChanged, _: float) -> list[c.Command]:
        agent = self._live.agents.get(event.agent)
        if agent is None or self._seen.get(agent.name) == (event.state, event.reason):
            return []
        self._seen[agent.name] = (event.state, event.reason)
        if event.state in ("NOT_READY", "LOGGED_OUT"):
            self._missed.pop(agent.name, None)
        return self._clock(agent, 0.0)

    def _clock(self, agent: Agent, elapsed: float) -> list[c.Command]:
        """Start the timer of her state, or stop that of the one before."""
        key = f"{PREFIX}:state:{agent.name}"
        seconds = self._longest(agent)
        return [c.StartTimer(key, max(0.0, seconds - elapsed)) if seconds else c.CancelTimer(key)]

    def _longest(self, agent: Agent) -> float:
        if agent.state == "OFFERED":
            return self.rules.offered_seconds
        if agent.state == "WRAP_UP":
            rule = self._live.wrap_up_rule(agent.wrapping)
            return rule.alarm_seconds if rule.mandatory else self.rules.wrap_up_seconds
        limit = self.rules.pauses.get(agent.reason or "") if agent.state == "NOT_READY" else None
        return limit.seconds if limit is not None else 0.0

    def _timer_fired(self, event: e.TimerFired, now: float) -> list[c.Command]:
        kind, _, rest = event.key.partition(":")
        if kind != PREFIX:
            return []
        if rest == "sweep":
            return self._sweep(now)
        agent = self._live.agents.get(rest.partition(":")[2])
        return self._too_long(agent, now) if agent is not None else []

    def _too_long(self, agent: Agent, now: float) -> list[c.Command]:
        seconds = str(round(max(0.0, now - agent.since)))
        if agent.state == "OFFERED":
            return [self._tell("stuck_offered", agent, seconds=seconds)]
        if agent.state == "WRAP_UP":
            return [self._tell("stuck_wrap_up", agent, seconds=seconds)]
        limit = self.rules.pauses.get(agent.reason or "") if agent.state == "NOT_READY" else None
        if limit is None:
            return []
        told: c.Command = self._tell("pause_too_long", agent, seconds=seconds, reason=agent.reason or "")
        return [told, *self._consequence(agent, limit, now)]

    def _consequence(self, agent: Agent, limit: PauseLimit, now: float) -> list[c.Command]:
        if limit.action == "notice":
            return [c.Notify(agent.name, "warning", "pause_over", {"reason": agent.reason or ""})]
        state: e.AgentState = "READY" if limit.action == "ready" else "LOGGED_OUT"
        return [
            c.Record(e.StateChosen(at=now, agent=agent.name, state=state)),
            c.Notify(agent.name, "warning", f"pause_ended_{limit.action}", {"reason": agent.reason or ""}),
        ]

    # --- dead calls ----------------------------------------------------------------------------------

    def _sweep(self, now: float) -> list[c.Command]:
        commands: list[c.Command] = [c.StartTimer(f"{PREFIX}:sweep", SWEEP_SECONDS)]
        if not self.rules.dead_call_seconds:
            return commands
        for one in self._live.interactions.values():
            if not one.ended and one.channel == "voice":
                commands += self._look_at(one, now)
        return commands

    def _look_at(self, one: Interaction, now: float) -> list[c.Command]:
        alive = self._alive(one)
        if alive is not False:
            self._gone_since.pop(one.id, None)
            return []
        since = self._gone_since.setdefault(one.id, now)
        if one.id in self._told or now - since < self.rules.dead_call_seconds:
            return []
        self._told[one.id] = None
        params = {"interaction_id": one.id, "pbx": one.pbx, "seconds": str(round(now - since))}
        return [c.NotifySupervisors("warning", "dead_call", params)]

    # --- memberships ---------------------------------------------------------------------------------

    def _member_changed(self, event: e.MemberChanged, _: float) -> list[c.Command]:
        """Somebody joined or left a queue, by us or behind our back: everybody sees it."""
        agent = self._live.owner(event.device, event.pbx)
        if agent is None:
            return []
        queues = self._live.pauses.queues_of(agent.devices)
        before, self._queues[agent.name] = self._queues.get(agent.name), queues
        return [c.ShowAgent(agent.name)] if queues != before else []

    @staticmethod
    def _tell(code: str, agent: Agent, **params: str) -> c.Command:
        return c.NotifySupervisors("warning", code, {"agent": agent.name, "name": agent.display_name, **params})
