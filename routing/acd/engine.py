"""The distributor: contacts and agents change, offers follow. Pure; :meth:`Engine.advance` lets time pass.

A contact is in exactly one place: in line, offered to one agent, or in one agent's hands. Capacity is taken with the
offer and not only with the answer, so that no race can overfill an agent.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from interaction_log.events import Channel
from routing.acd.crew import Crew, Kind
from routing.acd.lines import Lines, Waiting
from routing.acd.model import PATIENT, Because, Command, Contact, Divert, Offer, QueueRule, Seat, Withdraw
from routing.capacity import Capacity

Step = Literal["ring", "own", "overflow", "longest", "offer", "again", "open"]


@dataclass(frozen=True, slots=True, order=True)
class _Appointment:
    at: float
    n: int
    step: Step
    contact: str
    which: str = ""
    """The agent of an offer, the queue of an overflow."""
    version: int = 0
    """Of the contact when it was offered: an offer that is over has no time-out any more."""
    born: int = 0


class Engine:
    """Call a method for what happened, with the time; it says what follows. Times never go back."""

    def __init__(self, rules: Iterable[QueueRule], capacity: Capacity) -> None:
        self.rules: dict[str, QueueRule] = {rule.name: rule for rule in rules}
        self.crew = Crew(self.rules, capacity)
        self.lines = Lines()
        self.held: dict[str, tuple[Contact, str]] = {}
        """What agents have in hand, with whose."""
        self._agenda: list[_Appointment] = []
        self._n = 0

    # --- contacts ------------------------------------------------------------------------------------

    def due(self, contact: Contact, now: float) -> list[Command]:
        """A contact waits from now on; one that waits already or is in somebody's hands changes nothing."""
        if contact.id in self.lines.waiting or contact.id in self.held or contact.queue not in self.rules:
            return []
        rule = self.rules[contact.queue]
        begun = contact.since is not None and contact.channel not in PATIENT
        if rule.hours is None or begun or rule.hours.is_open(now):
            return self._stand(self._enter(contact, now), now)
        if contact.channel not in PATIENT:
            return [Divert(contact.id, rule.name, rule.then)]
        self._sleep(self._enter(contact, now, asleep=True), rule.hours.next_opening(now))
        return []

    def _sleep(self, one: Waiting, until: float | None) -> None:
        """It has its place, and is offered to nobody before its queue opens."""
        self.lines.put(one, [])
        if until is not None:
            self._later(until, "open", one)

    def known(self, contact: str, own: str | None, head_start: float, now: float) -> list[Command]:
        """More is known of who waits: whom he shall have, how important he is. Too late once somebody is asked."""
        one = self.lines.waiting.get(contact)
        if one is None or one.offered is not None or (one.contact.own, one.contact.head_start) == (own, head_start):
            return []
        self.lines.remove(contact)
        return self.due(replace(one.contact, own=own, head_start=head_start), now)

    def _enter(self, contact: Contact, now: float, *, asleep: bool = False) -> Waiting:
        """A new place, which its age gives it; what time will bring is appointed."""
        rule = self.rules[contact.queue]
        start = contact.due_at - contact.head_start - rule.head_start
        self._n += 1
        one = Waiting(contact, (start, contact.due_at, contact.id), [contact.queue], born=self._n, asleep=asleep)
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

    def left(self, contact: str, now: float) -> list[Command]:
        """The customer went away, or the contact is finished."""
        one = self.lines.remove(contact)
        if one is not None:
            return self._withdraw(one, "left", now) if one.offered is not None else []
        return self._put_down(contact, now)

    def move(self, contact: str, queue: str, now: float, channel: Channel | None = None) -> list[Command]:
        """To another queue or medium; the place that its waiting gives it goes along."""
        old = self._contact(contact)
        if old is None or queue not in self.rules:
            return []
        commands = self.left(contact, now)
        moved = replace(old, queue=queue, channel=channel or old.channel, own=None, since=now)
        return commands + self.due(moved, now)

    # --- agents --------------------------------------------------------------------------------------

    def agent(self, seat: Seat, now: float) -> list[Command]:
        """An agent as she is now; what she has in hand stays hers."""
        old = self.crew.seats.get(seat.name)
        if old is not None:
            seat.in_hand, seat.offered = old.in_hand, old.offered
        else:
            seat.in_hand = {i: contact.channel for i, (contact, who) in self.held.items() if who == seat.name}
        self.crew.put(seat)
        commands: list[Command] = []
        if seat.offered is not None and not (seat.ready and self.crew.keeps_room(seat, seat.offered)):
            commands += self._back(self.lines.waiting[seat.offered], "agent_gone", now)
        return commands + self._feed(seat, now)

    def gone(self, name: str, now: float) -> list[Command]:
        """She vanished: what she had goes back to its place in line, before those who came later."""
        seat = self.crew.remove(name)
        if seat is None:
            return []
        commands: list[Command] = []
        if seat.offered is not None:
            commands += self._back(self.lines.waiting[seat.offered], "agent_gone", now)
        for contact in [c for c, (_, who) in self.held.items() if who == name]:
            old, _ = self.held.pop(contact)
            commands += self.due(replace(old, own=None, since=now), now)
        return commands

    def accepted(self, contact: str, agent: str, now: float) -> bool:
        """She takes it; false: too late, it is not offered to her any more."""
        one = self.lines.waiting.get(contact)
        seat = self.crew.seats.get(agent)
        if one is None or seat is None or one.offered != agent:
            return False
        self.lines.remove(contact)
        self.held[contact] = (one.contact, agent)
        seat.offered = None
        self.crew.changed(seat)
        return True

    def next_for(self, agent: str, now: float) -> list[Command]:
        """After an answer: she may have room for one more."""
        seat = self.crew.seats.get(agent)
        return self._feed(seat, now) if seat is not None else []

    def declined(self, contact: str, agent: str, now: float) -> list[Command]:
        """She does not take it."""
        one = self.lines.waiting.get(contact)
        if one is None or one.offered != agent:
            return []
        return self._refused(one, now)

    def hand(self, contact: str, agent: str, now: float, back_to: str | None = None) -> list[Command] | None:
        """Ask this agent and no other, whatever her queues and skills: a colleague or a supervisor chose her.

        ``None``: she cannot be asked now. Not taken, it stands in its line with the age that it has; ``back_to`` is
        asked first then.
        """
        seat, old = self.crew.seats.get(agent), self._contact(contact)
        if seat is None or old is None or not seat.ready or seat.offered is not None or contact in seat.in_hand:
            return None
        if old.channel in seat.cannot or not self.crew.room(seat, old.channel):
            return None
        commands, freed = self._taken_from(contact, now)
        one = self.lines.waiting.get(contact)
        if one is None:
            one = self._enter(replace(old, own=None, since=now), now)
            self.lines.put(one, self.kinds(one))
        rule = self.rules[old.queue]
        if back_to is not None:
            self._reserve(one, back_to, now + rule.offer_seconds + rule.patience)
        offer = self._offer(one, self.kinds(one)[0], seat, now, sent=True)
        return [*commands, offer, *(self._feed(freed, now) if freed is not None else [])]

    def _taken_from(self, contact: str, now: float) -> tuple[list[Command], Seat | None]:
        """Nobody has it or is asked for it any more; who had it has room."""
        one = self.lines.waiting.get(contact)
        if one is None:
            return [], self._emptied(contact, now)
        if one.offered is None:
            return [], None
        withdrawn = Withdraw(contact, one.offered, "sent_on")
        return [withdrawn], self._loosen(one)

    def _contact(self, contact: str) -> Contact | None:
        one = self.lines.waiting.get(contact)
        return one.contact if one is not None else self.held[contact][0] if contact in self.held else None

    def holds(self, contact: Contact, agent: str) -> None:
        """She has it already: taken over from before a restart."""
        self.held[contact.id] = (contact, agent)
        seat = self.crew.seats.get(agent)
        if seat is not None:
            seat.in_hand[contact.id] = contact.channel
            self.crew.changed(seat)

    def slots(self, queue: str, channel: Channel) -> int:
        """How many contacts of this channel all who serve this queue now can have at once."""
        return self.crew.slots(queue, channel)

    # --- time ----------------------------------------------------------------------------------------

    @property
    def next_at(self) -> float | None:
        """When :meth:`advance` is needed next."""
        return self._agenda[0].at if self._agenda else None

    def advance(self, now: float) -> list[Command]:
        """Do what is due by now."""
        commands: list[Command] = []
        while self._agenda and self._agenda[0].at <= now:
            one = heapq.heappop(self._agenda)
            waiting = self.lines.waiting.get(one.contact)
            if waiting is not None and waiting.born == one.born:
                commands += self._step(one, waiting, now)
        return commands

    def _step(self, appointment: _Appointment, one: Waiting, now: float) -> list[Command]:
        step = appointment.step
        if step == "open":
            self.lines.remove(one.contact.id)
            return self.due(replace(one.contact, since=now), now)
        if step == "offer":
            live = one.offered == appointment.which and one.version == appointment.version
            return [Withdraw(one.contact.id, appointment.which, "timeout"), *self._refused(one, now)] if live else []
        if step == "longest":
            return self._divert(one, now)
        if step == "overflow":
            if appointment.which in self.rules and appointment.which not in one.queues:
                one.queues.append(appointment.which)
        elif step == "own":
            one.reserved = None
        one.ring = self._ring(one, now)
        return [] if one.offered is not None else self._stand(one, now)

    def _divert(self, one: Waiting, now: float) -> list[Command]:
        rule = self.rules[one.contact.queue]
        self.lines.remove(one.contact.id)
        commands = self._withdraw(one, "timeout", now) if one.offered is not None else []
        return [*commands, Divert(one.contact.id, rule.name, rule.then)]

    def _later(self, at: float, step: Step, one: Waiting, which: str = "") -> None:
        self._n += 1
        appointment = _Appointment(at, self._n, step, one.contact.id, which, one.version, one.born)
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
        if not seat.ready or seat.offered is not None or not self.lines.waiting:
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

    def _refused(self, one: Waiting, now: float) -> list[Command]:
        """Back into its place; this agent is not asked again for a while, and gets what is next for her."""
        agent = one.offered or ""
        until = now + self.rules[one.contact.queue].again_seconds
        one.declined[agent] = until
        one.reserved = None if one.reserved == agent else one.reserved
        self._later(until, "again", one)
        seat = self._loosen(one)
        commands = self._stand(one, now)
        return commands + (self._feed(seat, now) if seat is not None else [])

    def _back(self, one: Waiting, reason: Literal["agent_gone"], now: float) -> list[Command]:
        agent = one.offered or ""
        self._loosen(one)
        one.reserved = None if one.reserved == agent else one.reserved
        return [Withdraw(one.contact.id, agent, reason), *self._stand(one, now)]

    def _withdraw(self, one: Waiting, reason: Literal["timeout", "left"], now: float) -> list[Command]:
        agent = one.offered or ""
        seat = self._loosen(one)
        return [Withdraw(one.contact.id, agent, reason), *(self._feed(seat, now) if seat is not None else [])]

    def _loosen(self, one: Waiting) -> Seat | None:
        """The offer is over: the agent has that room again."""
        seat = self.crew.seats.get(one.offered or "")
        one.offered = None
        if seat is not None:
            seat.offered = None
            seat.in_hand.pop(one.contact.id, None)
            self.crew.changed(seat)
        return seat

    def _put_down(self, contact: str, now: float) -> list[Command]:
        """An agent has one less in hand."""
        seat = self._emptied(contact, now)
        return self._feed(seat, now) if seat is not None else []

    def _emptied(self, contact: str, now: float) -> Seat | None:
        _, agent = self.held.pop(contact, (None, ""))
        seat = self.crew.seats.get(agent)
        if seat is None:
            return None
        seat.in_hand.pop(contact, None)
        if not seat.in_hand:
            seat.idle_since = now
        self.crew.changed(seat)
        return seat
