"""Who waits, the oldest due first: one line for each kind of contact, all compared by the same number. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from routing.acd.crew import Kind
from routing.acd.model import Contact


@dataclass(slots=True)
class Waiting:
    """A contact in line. ``queues``: where it stands (its own, and those that it overflowed into)."""

    contact: Contact
    place: tuple[float, float, str]
    """Due, less the head start; then due; then the id: the same order everywhere."""
    queues: list[str]
    born: int = 0
    """Which coming into line this is: what was appointed for an earlier one does not count."""
    ring: int = 0
    reserved: str | None = None
    """It waits for this agent alone, for a while."""
    declined: dict[str, float] = field(default_factory=dict)
    """Until when an agent is not asked again."""
    offered: str | None = None
    version: int = 0
    asleep: bool = False
    """Its queue is closed."""


Head = tuple[tuple[float, float, str], int]


class Lines:
    """All that wait, and where. A contact that moves leaves its old entries behind; they are dropped at the head."""

    def __init__(self) -> None:
        self.waiting: dict[str, Waiting] = {}
        self._heaps: dict[tuple[Kind, str | None], list[Head]] = {}
        self._of_queue: dict[str, dict[tuple[Kind, str | None], None]] = {}
        self._versions = itertools.count(1)  # never the same twice, also for a contact that comes back

    def put(self, one: Waiting, kinds: list[Kind]) -> None:
        """Stand in these lines, and in no other."""
        one.version = next(self._versions)
        self.waiting[one.contact.id] = one
        for kind in kinds:
            key = (kind, one.reserved)
            heap = self._heaps.get(key)
            if heap is None:
                heap = self._heaps[key] = []
                self._of_queue.setdefault(kind.queue, {})[key] = None
            heapq.heappush(heap, (one.place, one.version))

    def take_out(self, one: Waiting) -> None:
        """It stands in no line (it is offered)."""
        one.version = next(self._versions)

    def remove(self, contact: str) -> Waiting | None:
        """It waits no more."""
        return self.waiting.pop(contact, None)

    def first(
        self, queue: str, agent: str, may: Callable[[Kind], bool], take: Callable[[Waiting], bool]
    ) -> tuple[Waiting, Kind] | None:
        """The oldest of this queue that this agent may have: ``may`` looks at the kind, ``take`` at the contact."""
        best: tuple[Waiting, Kind] | None = None
        for key in list(self._of_queue.get(queue, ())):
            kind, reserved = key
            if (reserved is not None and reserved != agent) or not may(kind):
                continue
            head = self._head(key, take)
            if head is not None and (best is None or head.place < best[0].place):
                best = (head, kind)
        return best

    def _head(self, key: tuple[Kind, str | None], take: Callable[[Waiting], bool]) -> Waiting | None:
        heap = self._heaps[key]
        passed: list[Head] = []
        found: Waiting | None = None
        while heap and found is None:
            one = self.waiting.get(heap[0][0][2])
            if one is None or one.version != heap[0][1]:
                heapq.heappop(heap)
            elif not take(one):
                passed.append(heapq.heappop(heap))
            else:
                found = one
        for entry in passed:
            heapq.heappush(heap, entry)
        if not heap:
            del self._heaps[key]
            del self._of_queue[key[0].queue][key]
        return found

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self.waiting.values())
