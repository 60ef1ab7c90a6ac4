"""Who is free, in the order in which each kind of contact would ask them. Pure.

For each kind (queue, channel, skills) that ever came there is a heap of the agents who fit. An agent's change pushes
her anew where she fits and leaves the old entry, which is dropped when it comes up: a decision costs the logarithm of
the number of agents, not the number.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final

from interaction_log.events import Channel
from routing.acd.model import Need, QueueRule, Seat
from routing.capacity import Capacity

_SLACK: Final = 64
"""Old entries that a heap may hold beside twice the living ones."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Contacts that ask for the same."""

    queue: str
    channel: Channel
    needs: tuple[Need, ...] = ()
    preferred: tuple[Need, ...] = ()


Entry = tuple[float, float, str, int]
"""Rank, idle since, name, version."""


@dataclass(slots=True)
class _View:
    kind: Kind
    heap: list[Entry] = field(default_factory=list)
    fitting: int = 0


class Crew:
    """All agents. ``rules`` by queue."""

    def __init__(self, rules: Mapping[str, QueueRule], capacity: Capacity) -> None:
        self.seats: dict[str, Seat] = {}
        self._rules, self._capacity = rules, capacity
        self._views: dict[Kind, _View] = {}
        self._of_queue: dict[str, list[_View]] = {}
        self._members: dict[str, set[str]] = {}
        self._versions = itertools.count(1)  # never the same twice, also for an agent who comes back

    # --- changes -------------------------------------------------------------------------------------

    def put(self, seat: Seat) -> None:
        """A new agent, or one whose queues changed."""
        old = self.seats.get(seat.name)
        for queue in old.queues if old is not None else ():
            self._members[queue].discard(seat.name)
        self.seats[seat.name] = seat
        for queue in seat.queues:
            self._members.setdefault(queue, set()).add(seat.name)
        self.changed(seat)

    def remove(self, name: str) -> Seat | None:
        """She is gone."""
        seat = self.seats.pop(name, None)
        for queue in seat.queues if seat is not None else ():
            self._members[queue].discard(name)
        return seat

    def changed(self, seat: Seat) -> None:
        """Her state, skills or work changed."""
        seat.version = next(self._versions)
        if not seat.ready or seat.offered is not None or seat.unsure:
            return
        for queue in seat.queues:
            for view in self._of_queue.get(queue, ()):
                if self.fits(seat, view.kind):
                    self._push(view, seat)

    # --- questions -----------------------------------------------------------------------------------

    def fits(self, seat: Seat, kind: Kind) -> bool:
        """Whether she may be asked for such a contact now."""
        return (
            seat.ready
            and seat.offered is None
            and not seat.unsure
            and kind.queue in seat.queues
            and self.in_team(seat, kind.queue)
            and kind.channel not in seat.cannot
            and seat.has(kind.needs)
            and self.room(seat, kind.channel)
        )

    def in_team(self, seat: Seat, queue: str) -> bool:
        """Whether the queue is her team's business."""
        rule = self._rules.get(queue)
        return rule is not None and (not rule.teams or bool(seat.teams & rule.teams))

    def room(self, seat: Seat, channel: Channel) -> bool:
        """Whether one more of this channel fits into what she has in hand."""
        held = seat.in_hand.values()
        return self._capacity.room_for(channel, (*held, *seat.beside) if seat.beside else held)

    def keeps_room(self, seat: Seat, contact: str) -> bool:
        """Whether what she is offered still fits beside all else that she has in hand now."""
        others = [channel for one, channel in seat.in_hand.items() if one != contact]
        return self._capacity.room_for(seat.in_hand[contact], (*others, *seat.beside))

    def load(self, seat: Seat) -> int:
        """What she has in hand, in shares of the budget."""
        held = seat.in_hand.values()
        return self._capacity.used((*held, *seat.beside) if seat.beside else held)

    @property
    def works_beside(self) -> bool:
        """Whether who wraps a contact up may be offered another, as far as the weight of that leaves room."""
        return self._capacity.wrap_up == "weight"

    def percent(self, seat: Seat) -> int:
        """The same of a hundred."""
        return round(100 * self.load(seat) / self._capacity.budget)

    def members(self, queue: str, most: int) -> list[str]:
        """Some of those who serve this queue."""
        return list(itertools.islice(self._members.get(queue, ()), most))

    def slots(self, queue: str, channel: Channel) -> int:
        """How many contacts of this channel all who serve this queue now can have at once."""
        each = max(1, self._capacity.budget // self._capacity.weights[channel])
        members = (self.seats[name] for name in self._members.get(queue, ()))
        return each * sum(1 for seat in members if seat.ready and self.in_team(seat, queue))

    def first(self, kind: Kind, without: Container[str] = ()) -> Seat | None:
        """Who is asked first for such a contact; ``without`` these."""
        view = self._view(kind)
        passed: list[Entry] = []
        found: Seat | None = None
        while view.heap and found is None:
            entry = view.heap[0]
            seat = self.seats.get(entry[2])
            if seat is None or seat.version != entry[3]:
                heapq.heappop(view.heap)
            elif entry[2] in without:
                passed.append(heapq.heappop(view.heap))
            else:
                found = seat
        for entry in passed:
            heapq.heappush(view.heap, entry)
        return found

    # --- views ---------------------------------------------------------------------------------------

    def _view(self, kind: Kind) -> _View:
        view = self._views.get(kind)
        if view is None:
            view = self._views[kind] = _View(kind)
            self._of_queue.setdefault(kind.queue, []).append(view)
            self._fill(view)
        return view

    def _fill(self, view: _View) -> None:
        members = (self.seats[name] for name in self._members.get(view.kind.queue, ()))
        view.heap = [self._entry(view.kind, seat) for seat in members if self.fits(seat, view.kind)]
        view.fitting = len(view.heap)
        heapq.heapify(view.heap)

    def _push(self, view: _View, seat: Seat) -> None:
        if len(view.heap) > 2 * view.fitting + _SLACK:
            self._fill(view)
        else:
            heapq.heappush(view.heap, self._entry(view.kind, seat))

    def _entry(self, kind: Kind, seat: Seat) -> Entry:
        order = self._rules[kind.queue].order
        better = sum(1 for need in kind.preferred if seat.skills.get(need.skill, 0) >= need.level)
        rank = -1_000_000.0 * better  # who has more of the preferred skills comes before every other order
        if order == "least_occupied":
            rank += self.load(seat)
        elif order == "most_skilled":
            rank -= sum(seat.skills.get(need.skill, 0) for need in kind.needs + kind.preferred)
        return (rank, seat.idle_since, seat.name, seat.version)
