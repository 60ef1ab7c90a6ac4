"""The distributor: contacts and agents change, offers follow. Pure; :meth:`Engine.advance` lets time pass.

A contact is in exactly one place: in line, offered to one agent, or in one agent's hands. Capacity is taken with the
offer and not only with the answer, so that no race can overfill an agent.
"""

from __future__ import annotations

import heapq
from dataclasses import replace

from interaction_log.events import Channel
from routing.acd.floor import Appointment, Floor
from routing.acd.lines import Waiting
from routing.acd.model import PATIENT, Command, Contact, Divert, Seat, Withdraw


class Engine(Floor):
    """Call a method for what happened, with the time; it says what follows. Times never go back."""

    # --- contacts ------------------------------------------------------------------------------------

    def due(self, contact: Contact, now: float) -> list[Command]:
        """A contact waits from now on; one that waits already or is in somebody's hands changes nothing."""
        if contact.id in self.lines.waiting or contact.id in self.held or contact.queue not in self.rules:
            return []
        rule = self.rules[contact.queue]
        begun = contact.since is not None and contact.channel not in PATIENT
        hours = rule.callback_hours if rule.hours is None and contact.channel == "callback" else rule.hours
        if hours is None or begun or hours.is_open(now):
            return self._stand(self._enter(contact, now), now)
        if contact.channel not in PATIENT:
            return [Divert(contact.id, rule.name, rule.then)]
        self._sleep(self._enter(contact, now, asleep=True), hours.next_opening(now))
        return []

    def known(self, contact: str, own: str | None, head_start: float, now: float) -> list[Command]:
        """More is known of who waits: whom he shall have, how important he is. Too late once somebody is asked."""
        one = self.lines.waiting.get(contact)
        if one is None or one.offered is not None or (one.contact.own, one.contact.head_start) == (own, head_start):
            return []
        self.lines.remove(contact)
        return self.due(replace(one.contact, own=own, head_start=head_start), now)

    def left(self, contact: str, now: float, work: bool = False) -> list[Command]:
        """The customer went away, or the contact is finished.

        ``work``: who had it may have to wrap it up, or a caller may be before what is next for her (also where she was
        only asked); its room is not free before she is told of anew (``agent``).
        """
        one = self.lines.remove(contact)
        if one is not None:
            return self._withdraw(one, "left", now, work) if one.offered is not None else []
        return self._put_down(contact, now, work)

    def move(
        self, contact: str, queue: str, now: float, channel: Channel | None = None, work: bool = False
    ) -> list[Command]:
        """To another queue or medium; the place that its waiting gives it goes along. ``work``: see ``left``."""
        old = self._contact(contact)
        if old is None or queue not in self.rules:
            return []
        commands = self.left(contact, now, work)
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
        hers = [contact for contact, who in self.held.values() if who == name]
        for contact in sorted(hers, key=self._start):  # the older is offered again first
            del self.held[contact.id]
            commands += self.due(replace(contact, own=None, since=now), now)
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

    def declined(self, contact: str, agent: str, now: float, work: bool = False) -> list[Command]:
        """She does not take it. ``work``: see ``left``."""
        one = self.lines.waiting.get(contact)
        if one is None or one.offered != agent:
            return []
        return self._refused(one, now, work)

    def hand(
        self, contact: str, agent: str, now: float, back_to: str | None = None, work: bool = False
    ) -> list[Command] | None:
        """Ask this agent and no other, whatever her queues and skills: a colleague or a supervisor chose her.

        ``None``: she cannot be asked now. Not taken, it stands in its line with the age that it has; ``back_to`` is
        asked first then. ``work``: see ``left``.
        """
        seat, old = self.crew.seats.get(agent), self._contact(contact)
        if seat is None or old is None or not seat.ready or seat.offered is not None or contact in seat.in_hand:
            return None
        if old.channel in seat.cannot or not self.crew.room(seat, old.channel):
            return None
        commands, freed = self._taken_from(contact, now, work)
        one = self.lines.waiting.get(contact)
        if one is None:
            one = self._enter(replace(old, own=None, since=now), now)
            self.lines.put(one, self.kinds(one))
        rule = self.rules[old.queue]
        if back_to is not None:
            self._reserve(one, back_to, now + rule.offer_seconds + rule.patience)
        offer = self._offer(one, self.kinds(one)[0], seat, now, sent=True)
        return [*commands, offer, *(self._feed(freed, now) if freed is not None else [])]

    def _taken_from(self, contact: str, now: float, work: bool) -> tuple[list[Command], Seat | None]:
        """Nobody has it or is asked for it any more; who had it has room."""
        one = self.lines.waiting.get(contact)
        if one is None:
            return [], self._emptied(contact, now, work)
        if one.offered is None:
            return [], None
        withdrawn = Withdraw(contact, one.offered, "sent_on")
        return [withdrawn], self._loosen(one, work)

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

    def advance(self, now: float, work: bool = False) -> list[Command]:
        """Do what is due by now. ``work``, of those whose offers are over by it: see ``left``."""
        commands: list[Command] = []
        while self._agenda and self._agenda[0].at <= now:
            for one in self._due_now(now):
                waiting = self.lines.waiting.get(one.contact)
                if waiting is not None and waiting.born == one.born:
                    commands += self._step(one, waiting, now, work)
        return commands

    def _due_now(self, now: float) -> list[Appointment]:
        """What is due, in its order; of queues that open, the contacts by their age and not as they came."""
        found: list[Appointment] = []
        opening: list[tuple[tuple[float, float, str], Appointment]] = []
        while self._agenda and self._agenda[0].at <= now:
            one = heapq.heappop(self._agenda)
            waiting = self.lines.waiting.get(one.contact)
            if one.step == "open" and waiting is not None:
                opening.append((waiting.place, one))
            else:
                found.append(one)
        return found + [one for _, one in sorted(opening)]

    def _step(self, appointment: Appointment, one: Waiting, now: float, work: bool) -> list[Command]:
        step = appointment.step
        if step == "open":
            self.lines.remove(one.contact.id)
            return self.due(replace(one.contact, since=now), now)
        if step == "offer":
            live = one.offered == appointment.which and one.version == appointment.version
            over = Withdraw(one.contact.id, appointment.which, "timeout")
            return [over, *self._refused(one, now, work)] if live else []
        if step == "longest":
            return self._divert(one, now, work)
        if step == "overflow":
            if appointment.which in self.rules and appointment.which not in one.queues:
                one.queues.append(appointment.which)
        elif step == "own":
            one.reserved = None
        one.ring = self._ring(one, now)
        return [] if one.offered is not None else self._stand(one, now)

    def _divert(self, one: Waiting, now: float, work: bool) -> list[Command]:
        rule = self.rules[one.contact.queue]
        self.lines.remove(one.contact.id)
        commands = self._withdraw(one, "timeout", now, work) if one.offered is not None else []
        return [*commands, Divert(one.contact.id, rule.name, rule.then)]
