"""The agents as the distributor of chats, mails and callbacks sees them, from the live state.

Who serves a queue: its members at the PBX; where a queue has none (it belongs to no PBX), whom its list names, else
whose skills fit what it asks for, else everybody. What her telephone does takes its part of her budget: calls that we
know, and where the PBX shows it busy with something else (a call that we did not see), that too.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from interaction_log.devices import split
from interaction_log.events import Channel
from interaction_log.interaction import Interaction
from interaction_log.records import QueueSettings, User
from routing.acd.model import Seat
from routing.agents import Agent
from routing.skills import penalty_for
from routing.why import DEAD_PHONE, IN_USE

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

Key = tuple[str, str]
"""PBX (empty: none) and queue."""
_VOICE: Final[Channel] = "voice"
_CALLS: Final[frozenset[Channel]] = frozenset({"callback"})


def line_of(pbx: str, queue: str) -> str:
    """The name of a queue's line: the queue's, after that of its PBX."""
    return f"{pbx}:{queue}" if pbx else queue


def queue_of(line: str) -> Key:
    """PBX and queue of a line."""
    pbx, colon, queue = line.partition(":")
    return (pbx, queue) if colon else ("", line)


def line_for(one: Interaction, queue: str, known: Iterable[Key]) -> str:
    """In which line a contact stands that entered this queue: of its own PBX, else of the one that has the queue."""
    places = [key for key in known if key[1] == queue]
    if (one.pbx, queue) in places or not places:
        return line_of(one.pbx, queue)
    return line_of("", queue) if ("", queue) in places else line_of(*sorted(places)[0])


class Seating:
    """Makes seats. ``lists``: by line the agents (globs of user names) who serve it beside the PBX's members."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.lists: dict[str, tuple[str, ...]] = {}
        self.consoles: dict[str, int] = {}
        """How many consoles each agent has open."""

    def seat(self, agent: Agent) -> Seat:
        """She, as she is now."""
        user = self._hub.people.get(agent.name)
        return Seat(
            name=agent.name,
            ready=self.ready(agent),
            queues=self.lines(agent, user),
            skills=user.skills if user is not None else {},
            teams=frozenset(user.teams) if user is not None else frozenset(),
            idle_since=agent.since,
            beside=(*self.calls(agent), *self.work(agent)),
            cannot=frozenset() if self._can_call(agent) else _CALLS,
        )

    def ready(self, agent: Agent) -> bool:
        """Whether she may be asked: she wants to, has nothing to wrap up, and a console on which she would see it."""
        return agent.state != "WRAP_UP" and self.present(agent)

    def present(self, agent: Agent) -> bool:
        """Whether she wants to work and is at a console; she may be wrapping up, and is back in a moment."""
        wants = agent.signed_in and agent.chosen == "READY" and agent.pbx_reason is None
        return wants and self.consoles.get(agent.name, 0) > 0

    # --- which queues --------------------------------------------------------------------------------

    def lines(self, agent: Agent, user: User | None) -> frozenset[str]:
        """The lines that she serves."""
        live = self._hub.distributor
        places = live.pauses.places_of(agent.devices)
        found = {line_of(*place) for place in places if not agent.queue_pauses.get(place)}
        for key, queue in live.settings.queues.items():
            line = line_of(*key)
            if key not in places and self._serves(line, queue, user):
                found.add(line)
        return frozenset(found)

    def _serves(self, line: str, queue: QueueSettings, user: User | None) -> bool:
        """Whether she serves it without being its member at a PBX."""
        if user is None:
            return False
        named = self.lists.get(line)
        if named is not None:
            return any(fnmatchcase(user.name, glob) for glob in named)
        return not queue.pbx and (not queue.skills or _skilled(user.skills, queue))

    # --- what her telephone does ---------------------------------------------------------------------

    def calls(self, agent: Agent) -> tuple[Channel, ...]:
        """Her calls, ringing ones too; one more where her telephone is busy and we know of none."""
        calls = {i for i, _ in agent.talking}
        calls |= {i for i in agent.offers.values() if i not in agent.in_hand}
        if agent.answering is not None:
            calls.add(agent.answering)
        mine = sum(
            1 for i, channel in agent.in_hand.items() if channel == "callback" and i not in agent.offers.values()
        )
        if mine:  # the call that she makes for it is no further one
            return (_VOICE,) * max(0, len(calls) - mine)
        return (_VOICE,) * (len(calls) or int(self._is(agent.devices, IN_USE)))

    def work(self, agent: Agent) -> tuple[Channel, ...]:
        """Chats and mails that she has to wrap up and that are not in her hands any more."""
        running = (
            ()
            if agent.wrapping_channel is None or agent.wrapping is None
            else ((agent.wrapping, agent.wrapping_channel),)
        )
        held = self._hub.dispatch.engine.held  # a colleague may have it now, to whom she sent it on
        return tuple(
            channel for i, channel in (*running, *agent.to_wrap.items()) if i not in held or held[i][1] != agent.name
        )

    def _can_call(self, agent: Agent) -> bool:
        """The telephone from which calls are made for her is not known to be out of order."""
        return bool(agent.devices) and not self._is(agent.devices[:1], DEAD_PHONE)

    def can_be_rung(self, agent: Agent) -> bool:
        """Whether one of her telephones is not known to be out of order or busy."""
        return any(not self._is([phone], DEAD_PHONE | IN_USE) for phone in agent.devices)

    def _is(self, phones: Iterable[str], states: Container[str]) -> bool:
        """Whether one of these telephones is in one of these states, as a PBX tells it."""
        told, pbxs = self._hub.distributor.device_states, self._hub.pbxs
        seats = [(name, device) for p, device in map(split, phones) for name in pbxs if p in (None, name)]
        return any(told.get(seat, "UNKNOWN") in states for seat in seats)


def _skilled(levels: Mapping[str, int], queue: QueueSettings) -> bool:
    return penalty_for(levels, queue) is not None
