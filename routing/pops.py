"""Screen pops: who sees which, what is known of the caller, and how long a pop waits for that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from interaction_log import events as e
from interaction_log.interaction import Interaction
from routing import commands as c

LOOKUP_PATIENCE_SECONDS: Final = 0.05
"""How long a pop waits for the caller's name (DESIGN 2)."""


@dataclass(slots=True)
class Pop:
    """A screen pop of one agent: waiting for the look-up (not ``shown``), or on her screen."""

    interaction_id: str
    shown: bool = False


class Pops:
    """Look-ups on their way, their answers, and the pops of all agents."""

    def __init__(self, patience_seconds: float = LOOKUP_PATIENCE_SECONDS) -> None:
        self.patience_seconds = patience_seconds
        self.open: dict[tuple[str, str], Pop] = {}
        """By agent and interaction id."""
        self._matches: dict[str, e.CallerFound] = {}
        self._looking_up: set[str] = set()

    def match(self, interaction_id: str) -> e.CallerFound | None:
        """What is known of the caller; ``None`` while the look-up runs."""
        if interaction_id in self._looking_up:
            return None
        unknown = e.CallerFound(at=None, interaction_id=interaction_id, strength="unknown")
        return self._matches.get(interaction_id, unknown)

    def look_up(self, interaction_id: str, address: str) -> list[c.Command]:
        """The look-up starts, once for each address."""
        if interaction_id in self._looking_up:
            return []
        self._matches.pop(interaction_id, None)
        self._looking_up.add(interaction_id)
        return [c.FindCaller(interaction_id, address)]

    def found(self, one: Interaction, event: e.CallerFound, now: float) -> list[c.Command]:
        """An answer came: pops that wait are shown, pops that are shown are completed."""
        self._looking_up.discard(one.id)
        found_id = str(event.customer["id"]) if event.customer is not None else None
        if one.customer_id is not None and one.customer_id != found_id and one.customer_id not in event.also:
            return []  # somebody chose meanwhile
        self._matches[one.id] = event
        commands = [k for (agent, i), pop in self.open.items() if i == one.id for k in self._show(agent, pop, event)]
        if event.strength == "known" and found_id is not None and one.customer_id is None:
            identified = e.CustomerIdentified(at=now, interaction_id=one.id, customer_id=found_id, agent=None)
            commands.append(c.Record(identified))
        return commands

    def ring(self, agent: str, interaction_id: str) -> list[c.Command]:
        """A device of this agent rings; a second device of hers for the same call changes nothing."""
        if (agent, interaction_id) in self.open:
            return []
        pop = self.open[agent, interaction_id] = Pop(interaction_id)
        match = self.match(interaction_id)
        if match is not None:
            return self._show(agent, pop, match)
        return [c.StartTimer(_timer(interaction_id, agent), self.patience_seconds)]

    def waited(self, key: str) -> list[c.Command]:
        """Patience is over: show the pop without the caller's name. ``key``: what the timer's key says after pop:."""
        interaction_id, _, agent = key.partition(":")
        pop = self.open.get((agent, interaction_id))
        return self._show(agent, pop, None) if pop is not None and not pop.shown else []

    def close(self, agent: str, interaction_id: str, reason: c.CloseReason) -> list[c.Command]:
        """The ringing is over."""
        pop = self.open.pop((agent, interaction_id), None)
        if pop is None:
            return []
        timer: list[c.Command] = [c.CancelTimer(_timer(interaction_id, agent))]
        return [*timer, c.ClosePop(agent, interaction_id, reason)] if pop.shown else timer

    def restore(self, agent: str, interaction_id: str) -> None:
        """A ringing that an earlier process has shown."""
        self.open[agent, interaction_id] = Pop(interaction_id, shown=True)

    def ended(self, interaction_id: str) -> None:
        """No look-up matters any more."""
        self._looking_up.discard(interaction_id)

    def forget(self, interaction_id: str) -> None:
        """Drop what is known of an old interaction's caller."""
        self._matches.pop(interaction_id, None)

    def _show(self, agent: str, pop: Pop, match: e.CallerFound | None) -> list[c.Command]:
        if pop.shown:
            return [c.UpdatePop(agent, pop.interaction_id, match)] if match is not None else []
        pop.shown = True
        shown: list[c.Command] = [c.PopScreen(agent, pop.interaction_id, match)]
        return [*shown, c.CancelTimer(_timer(pop.interaction_id, agent))] if match is not None else shown


def _timer(interaction_id: str, agent: str) -> str:
    return f"pop:{interaction_id}:{agent}"
