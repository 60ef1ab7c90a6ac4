"""Places and matching: what the distributor does inside when something happened. Pure; ``Engine`` says what may."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from routing.acd.crew import Crew, Kind
from routing.acd.lines import Lines, Waiting
from routing.acd.model import PATIENT, Because, Command, Contact, Offer, QueueRule, Seat, Withdraw
from routing.capacity import Capacity

Step = Literal["ring", "own", "overflow", "longest", "offer", "again", "open"]


@dataclass(frozen=True, slots=True, order=True)
class Appointment:
    """Something that time will bring."""

    at: float
    n: int
    step: Step
    contact: str
    which: str = ""
    """The agent of an offer, the queue of an overflow."""
    version: int = 0
    """Of the contact when it was offered: an offer that is over has no time-out any more."""
    born: int = 0


class Floor:
    """All agents, lines and appointments."""

    def __init__(self, rules: Iterable[QueueRule], capacity: Capacity) -> None:
        self.rules: dict[str, QueueRule] = {rule.name: rule for rule in rules}
        self.crew = Crew(self.rules, capacity)
        self.lines = Lines()
        self.held: dict[str, tuple[Contact, str]] = {}
        """What agents have in hand, with whose."""
        self._agenda: list[Appointment] = []
        self._n = 0

    # --- places --------------------------------------------------------------------------------------

    def _sleep(self, one: Waiting, until: float | None) -> None:
        """It has its place, and is offered to nobody before its queue opens."""
        self.lines.put(one, [])
        if until is not None:
            self._later(until, "open", one)

    def _start(self, contact: Contact) -> float:
        """The number that orders all lines: when it became due, less its head start."""
        return contact.due_at - contact.head_start - self.rules[contact.queue].head_start

    def _enter(self, contact: Contact, now: float, *, asleep: bool = False) -> Waiting:
        """A new place, which its age gives it; what time will bring is appointed."""
        rule = self.rules[contact.queue]
        self._n += 1
        place = (self._start(contact), contact.due_at, contact.id)
        one = Waiting(contact, place, [contact.queue], born=self._n, asleep=asleep)
        one.ring = self._ring(one, now)
        if asleep:
            return one
        if contact.own in self.crew.seats and now < contact.stands_since + rule.patience:
            self._reserve(one, contact.own or "", contact.stands_since + rule.patience)
        self._appoint(one, rule, now)
        return one

    def _reserve(self, one: Waiting, agent: str, until: float) -> None:
        one.reserved = agent
        self._later(until, "own", one)

    def _appoint(self, one: Waiting, rule: QueueRule, now: float) -> None:
        due = one.contact.due_at
        for ring in rule.rings[one.ring + 1 :]:
            self._later(due + ring.after, "ring", one)
        for over in rule.overflow:
            self._later(max(now, due + over.after), "overflow", one, over.queue)
        if rule.longest_wait is not None and one.contact.channel not in PATIENT:
            self._later(max(now, one.contact.stands_since + rule.longest_wait), "longest", one)

    def _later(self, at: float, step: Step, one: Waiting, which: str = "") -> None:
        self._n += 1
        appointment = Appointment(at, self._n, step, one.contact.id, which, one.version, one.born)
        heapq.heappush(self._agenda, appointment)

    # --- matching ------------------------------------------------------------------------------------

    def _ring(self, one: Waiting, now: float) -> int:
        """The last ring that its waiting has opened."""
        waited = now - one.contact.due_at
        rings = self.rules[one.contact.queue].rings
        return max(n for n, ring in enumerate(rings) if n == 0 or ring.after <= waited)

    def kinds(self, one: Waiting) -> list[Kind]:
        """What it asks for, in each queue in whose line it stands; elsewhere the last ring of that queue holds."""
        found = []
        for queue in one.queues:
            rings = self.rules[queue].rings
            ring = rings[one.ring] if queue == one.contact.queue else rings[-1]
            needs = tuple(sorted({*ring.needs, *one.contact.needs}))
            found.append(Kind(queue, one.contact.channel, needs, ring.preferred))
        return found

    def _stand(self, one: Waiting, now: float) -> list[Command]:
        """Offer it at once where somebody is free for it, else let it stand in its lines."""
        kinds = [] if one.asleep else self.kinds(one)
        self.lines.put(one, kinds)
        for kind in kinds:
            seat = self._free_for(one, kind, now)
            if seat is not None:
                return [self._offer(one, kind, seat, now)]
        return []

    def _free_for(self, one: Waiting, kind: Kind, now: float) -> Seat | None:
        if one.reserved is not None:
            own = self.crew.seats.get(one.reserved)
            return own if own is not None and self.crew.fits(own, kind) and self._again(one, own.name, now) else None
        return self.crew.first(kind, {name for name, until in one.declined.items() if until > now})

    @staticmethod
    def _again(one: Waiting, agent: str, now: float) -> bool:
        return one.declined.get(agent, 0.0) <= now

    def _feed(self, seat: Seat, now: float) -> list[Command]:
        """Somebody became free, or freer: the oldest that she may have, over all her queues and media."""
        best = self._best_for(seat, now)
        return [self._offer(best[0], best[1], seat, now)] if best is not None else []

    def oldest_for(self, seat: Seat, now: float) -> float | None:
        """Where in line (due, less the head start) what this agent would be asked to take stands now."""
        best = self._best_for(seat, now)
        return best[0].place[0] if best is not None else None

    def _best_for(self, seat: Seat, now: float) -> tuple[Waiting, Kind] | None:
        if not seat.ready or seat.offered is not None or seat.unsure or not self.lines.waiting:
            return None
        best: tuple[Waiting, Kind] | None = None
        for queue in seat.queues:
            found = self.lines.first(
                queue,
                seat.name,
                lambda kind: self.crew.fits(seat, kind),
                lambda one: self._again(one, seat.name, now),
            )
            if found is not None and (best is None or found[0].place < best[0].place):
                best = found
        return best

    def _offer(self, one: Waiting, kind: Kind, seat: Seat, now: float, *, sent: bool = False) -> Offer:
        rule = self.rules[kind.queue]
        because = Because(
            queue=kind.queue,
            waited=now - one.contact.due_at,
            ring=one.ring,
            order=rule.order,
            own=one.reserved == seat.name,
            idle=now - seat.idle_since,
            load=self.crew.percent(seat),
            sent=sent,
        )
        self.lines.take_out(one)
        one.offered = seat.name
        seat.offered, seat.in_hand[one.contact.id] = one.contact.id, one.contact.channel
        self.crew.changed(seat)
        self._later(now + rule.offer_seconds, "offer", one, seat.name)
        return Offer(one.contact.id, seat.name, rule.offer_seconds, because)

    # --- coming back ---------------------------------------------------------------------------------

    def _refused(self, one: Waiting, now: float, work: bool) -> list[Command]:
        """Back into its place; this agent is not asked again for a while, and gets what is next for her."""
        agent = one.offered or ""
        until = now + self.rules[one.contact.queue].again_seconds
        one.declined[agent] = until
        one.reserved = None if one.reserved == agent else one.reserved
        self._later(until, "again", one)
        seat = self._loosen(one, work)
        commands = self._stand(one, now)
        return commands + (self._feed(seat, now) if seat is not None else [])

    def _back(self, one: Waiting, reason: Literal["agent_gone"], now: float) -> list[Command]:
        agent = one.offered or ""
        self._loosen(one)
        one.reserved = None if one.reserved == agent else one.reserved
        return [Withdraw(one.contact.id, agent, reason), *self._stand(one, now)]

    def _withdraw(self, one: Waiting, reason: Literal["timeout", "left"], now: float, work: bool) -> list[Command]:
        agent = one.offered or ""
        seat = self._loosen(one, work)
        return [Withdraw(one.contact.id, agent, reason), *(self._feed(seat, now) if seat is not None else [])]

    def _loosen(self, one: Waiting, work: bool = False) -> Seat | None:
        """The offer is over: the agent has that room again; with ``work`` not before she is told of anew."""
        seat = self.crew.seats.get(one.offered or "")
        one.offered = None
        if seat is not None:
            seat.offered = None
            channel = seat.in_hand.pop(one.contact.id, None)
            if work and channel is not None:
                seat.beside, seat.unsure = (*seat.beside, channel), True
            self.crew.changed(seat)
        return seat

    def _put_down(self, contact: str, now: float, work: bool) -> list[Command]:
        """An agent has one less in hand."""
        seat = self._emptied(contact, now, work)
        return self._feed(seat, now) if seat is not None else []

    def _emptied(self, contact: str, now: float, work: bool) -> Seat | None:
        _, agent = self.held.pop(contact, (None, ""))
        seat = self.crew.seats.get(agent)
        if seat is None:
            return None
        channel = seat.in_hand.pop(contact, None)
        if work and channel is not None:
            seat.beside = (*seat.beside, channel)
            seat.ready = seat.ready and self.crew.works_beside
        if not seat.in_hand:
            seat.idle_since = now
        self.crew.changed(seat)
        return seat
