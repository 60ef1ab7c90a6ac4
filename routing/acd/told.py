"""An engine that says what it hears, so that the log has all that its decisions depend on; and the way back. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from interaction_log.events import Channel, DistributorTold
from routing.acd.engine import Engine
from routing.acd.model import Command, Contact, Need, QueueRule, Seat
from routing.capacity import Capacity

Tell = Callable[[DistributorTold], None]


class ToldEngine(Engine):
    """Each call from outside is told before it is answered; what it calls of itself is not."""

    def __init__(self, rules: Iterable[QueueRule], capacity: Capacity, tell: Tell) -> None:
        super().__init__(rules, capacity)
        self._tell, self._inside = tell, False

    @contextmanager
    def _heard(
        self, what: str, now: float, contact: str | None = None, agent: str | None = None, **said: Any
    ) -> Iterator[None]:
        outermost, self._inside = not self._inside, True
        try:
            if outermost:
                self._tell(DistributorTold(at=now, what=what, contact=contact, agent=agent, said=said))
            yield
        finally:
            self._inside = not outermost

    def due(self, contact: Contact, now: float) -> list[Command]:
        """See ``Engine``; likewise below."""
        with self._heard("due", now, contact.id, **contact_said(contact)):
            return super().due(contact, now)

    def holds(self, contact: Contact, agent: str) -> None:
        """Taken over from before a restart."""
        self._tell(DistributorTold(at=None, what="holds", contact=contact.id, agent=agent, said=contact_said(contact)))
        super().holds(contact, agent)

    def left(self, contact: str, now: float, work: bool = False) -> list[Command]:
        """The customer went away."""
        with self._heard("left", now, contact, work=work):
            return super().left(contact, now, work)

    def known(self, contact: str, own: str | None, head_start: float, now: float) -> list[Command]:
        """More is known of him."""
        with self._heard("known", now, contact, own=own, head_start=head_start):
            return super().known(contact, own, head_start, now)

    def move(
        self, contact: str, queue: str, now: float, channel: Channel | None = None, work: bool = False
    ) -> list[Command]:
        """To another queue."""
        with self._heard("move", now, contact, queue=queue, channel=channel, work=work):
            return super().move(contact, queue, now, channel, work)

    def hand(
        self, contact: str, agent: str, now: float, back_to: str | None = None, work: bool = False
    ) -> list[Command] | None:
        """To one agent."""
        with self._heard("hand", now, contact, agent, back_to=back_to, work=work):
            return super().hand(contact, agent, now, back_to, work)

    def agent(self, seat: Seat, now: float) -> list[Command]:
        """An agent as she is now."""
        with self._heard("agent", now, agent=seat.name, **seat_said(seat)):
            return super().agent(seat, now)

    def gone(self, name: str, now: float) -> list[Command]:
        """She vanished."""
        with self._heard("gone", now, agent=name):
            return super().gone(name, now)

    def accepted(self, contact: str, agent: str, now: float) -> bool:
        """She takes it."""
        with self._heard("accepted", now, contact, agent):
            return super().accepted(contact, agent, now)

    def next_for(self, agent: str, now: float) -> list[Command]:
        """She may have room for one more."""
        with self._heard("next_for", now, agent=agent):
            return super().next_for(agent, now)

    def declined(self, contact: str, agent: str, now: float, work: bool = False) -> list[Command]:
        """She does not take it."""
        with self._heard("declined", now, contact, agent, work=work):
            return super().declined(contact, agent, now, work)

    def advance(self, now: float, work: bool = False) -> list[Command]:
        """Time passes; told only where something is due."""
        if self.next_at is None or self.next_at > now:
            return []
        with self._heard("advance", now, work=work):
            return super().advance(now, work)


def again(engine: Engine, told: DistributorTold) -> list[Command]:
    """The same call on another engine."""
    now, contact, agent, said = told.at or 0.0, told.contact or "", told.agent or "", told.said
    if "queue" in said and said["queue"] not in engine.rules:
        engine.rules[said["queue"]] = QueueRule(name=said["queue"])
    calls: dict[str, Callable[[], Any]] = {
        "due": lambda: engine.due(contact_of(contact, said), now),
        "holds": lambda: engine.holds(contact_of(contact, said), agent),
        "left": lambda: engine.left(contact, now, said.get("work", False)),
        "known": lambda: engine.known(contact, said["own"], said["head_start"], now),
        "move": lambda: engine.move(contact, said["queue"], now, said["channel"], said.get("work", False)),
        "hand": lambda: engine.hand(contact, agent, now, said["back_to"], said.get("work", False)),
        "agent": lambda: engine.agent(seat_of(agent, said), now),
        "gone": lambda: engine.gone(agent, now),
        "accepted": lambda: engine.accepted(contact, agent, now),
        "next_for": lambda: engine.next_for(agent, now),
        "declined": lambda: engine.declined(contact, agent, now, said.get("work", False)),
        "advance": lambda: engine.advance(now, said.get("work", False)),
    }
    answer = calls[told.what]() if told.what in calls else None
    return answer if isinstance(answer, list) else []


STARTED: Final = "started"
"""``what`` of the first that a process tells: what another knew before is told anew."""


# --- values as the log has them ------------------------------------------------------------------------


def contact_said(contact: Contact) -> dict[str, Any]:
    """A contact without its id."""
    return {
        "queue": contact.queue,
        "channel": contact.channel,
        "due_at": contact.due_at,
        "since": contact.since,
        "head_start": contact.head_start,
        "own": contact.own,
        "needs": [[need.skill, need.level] for need in contact.needs],
    }


def contact_of(of: str, said: dict[str, Any]) -> Contact:
    """The contact again."""
    needs = tuple(Need(skill, level) for skill, level in said.get("needs", ()))
    return Contact(id=of, **{**said, "needs": needs})


def seat_said(seat: Seat) -> dict[str, Any]:
    """A seat without the name and what is in her hands."""
    return {
        "ready": seat.ready,
        "queues": sorted(seat.queues),
        "skills": dict(seat.skills),
        "teams": sorted(seat.teams),
        "idle_since": seat.idle_since,
        "beside": list(seat.beside),
        "cannot": sorted(seat.cannot),
    }


def seat_of(name: str, said: dict[str, Any]) -> Seat:
    """The seat again."""
    return Seat(
        name=name,
        ready=said["ready"],
        queues=frozenset(said["queues"]),
        skills=said["skills"],
        teams=frozenset(said["teams"]),
        idle_since=said["idle_since"],
        beside=tuple(said["beside"]),
        cannot=frozenset(said["cannot"]),
    )
