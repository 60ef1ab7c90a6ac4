"""A decision of the distributor: how long it takes, and how that grows with the size of the floor.

Half of the decisions are a contact that comes while agents are free, half an agent who becomes free while contacts
wait. ``python -m bench.routing [AGENTS …]`` prints the table.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import sys
import time
from typing import Any, Final

from interaction_log.events import Channel
from routing.acd.engine import Engine
from routing.acd.model import Contact, Need, Offer, Order, QueueRule, Ring, Seat
from routing.capacity import Capacity

SIZES: Final = (1_000, 10_000)
"""Agents; a fiftieth of them queues, half of them waiting contacts: 10,000, 200 and 5,000."""
SKILLS: Final = 50
QUEUES_OF_AN_AGENT: Final = 6
DECISIONS: Final = 4_000
PROMISED_MICROSECONDS: Final = 100.0
ORDERS: Final[tuple[Order, ...]] = ("longest_idle", "least_occupied", "most_skilled")


class Floor:
    """A company of one size. ``busy``: nobody is free and contacts wait; else the other way round."""

    def __init__(self, agents: int, rng: random.Random, *, busy: bool) -> None:
        self.rng, self.agents, self.now, self.n = rng, agents, 0.0, 0
        self.queues = [f"q{n}" for n in range(agents // 50)]
        self.engine = Engine([self._rule(n) for n in range(len(self.queues))], Capacity())
        for number in range(agents):
            self.engine.agent(self._seat(number, ready=not busy), self._tick())
        for _ in range(agents // 2 if busy else 0):
            self.engine.due(self._contact(), self._tick())

    def _tick(self) -> float:
        self.now += 0.01
        return self.now

    def _rule(self, number: int) -> QueueRule:
        skill = f"s{number % SKILLS}"
        rings = (Ring(0, (Need(skill, 4),)), Ring(20, (Need(skill, 2),), (Need(skill, 4),)), Ring(60, (Need(skill),)))
        return QueueRule(name=f"q{number}", rings=rings, order=ORDERS[number % 3], longest_wait=600)

    def _seat(self, number: int, *, ready: bool) -> Seat:
        chosen = self.rng.sample(range(len(self.queues)), QUEUES_OF_AN_AGENT)
        codes = {n % SKILLS for n in chosen} | set(self.rng.sample(range(SKILLS), 6))
        skills = {f"s{n}": self.rng.randint(1, 5) for n in sorted(codes)}
        queues = frozenset(self.queues[n] for n in chosen)
        return Seat(f"a{number}", ready, queues, skills, idle_since=self.now)

    def _contact(self) -> Contact:
        self.n += 1
        channel: Channel = self.rng.choice(("chat", "email"))
        return Contact(id=f"c{self.n}", queue=self.rng.choice(self.queues), channel=channel, due_at=self.now)

    def comes(self) -> tuple[float, bool]:
        """Seconds of one decision about a contact that comes, and whether somebody was found."""
        contact, now = self._contact(), self._tick()
        began = time.perf_counter()
        commands = self.engine.due(contact, now)
        seconds = time.perf_counter() - began
        for offer in commands:
            assert isinstance(offer, Offer)
            self.engine.accepted(offer.contact, offer.agent, now)
        self.engine.left(contact.id, now)
        return seconds, bool(commands)

    def becomes_free(self) -> tuple[float, bool]:
        """Seconds of one decision about an agent who becomes free, and whether something was found for her."""
        old = self.engine.crew.seats[f"a{self.rng.randrange(self.agents)}"]
        now = self._tick()
        seat = Seat(old.name, True, old.queues, old.skills, idle_since=now)
        began = time.perf_counter()
        commands = self.engine.agent(seat, now)
        seconds = time.perf_counter() - began
        for offer in commands:
            assert isinstance(offer, Offer)
            self.engine.accepted(offer.contact, offer.agent, now)
            self.engine.left(offer.contact, now)
            self.engine.due(self._contact(), now)
        self.engine.agent(Seat(old.name, False, old.queues, old.skills), now)
        return seconds, bool(commands)


def measure(agents: int, decisions: int = DECISIONS) -> dict[str, Any]:
    """Microseconds of a decision."""
    rng = random.Random(agents)
    free, busy = Floor(agents, rng, busy=False), Floor(agents, rng, busy=True)
    for _ in range(decisions // 2):  # every kind of contact was there before
        free.comes()
        busy.becomes_free()
    gc.collect()
    gc.freeze()
    comes = [free.comes() for _ in range(decisions // 2)]
    frees = [busy.becomes_free() for _ in range(decisions // 2)]
    times = sorted(seconds * 1e6 for seconds, _ in (*comes, *frees))
    return {
        "agents": agents,
        "queues": len(free.queues),
        "waiting": len(busy.engine.lines.waiting),
        "median_us": statistics.median(times),
        "p99_us": times[int(len(times) * 0.99)],
        "comes_us": statistics.median(seconds * 1e6 for seconds, _ in comes),
        "free_us": statistics.median(seconds * 1e6 for seconds, _ in frees),
        "found": sum(found for _, found in (*comes, *frees)) / len(times),
    }


def run(sizes: tuple[int, ...] = SIZES) -> dict[str, Any]:
    """Measure each size."""
    rows = [measure(size) for size in sizes]
    first, last = rows[0], rows[-1]
    growth = last["median_us"] / first["median_us"]
    allowed = math.log(last["agents"]) / math.log(first["agents"])
    return {"rows": rows, "median_us": last["median_us"], "growth": growth, "log_growth": allowed}


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    lines = [
        f"{'agents':>8}{'queues':>8}{'waiting':>9}{'median µs':>11}{'p99 µs':>9}{'comes µs':>10}{'free µs':>9}"
        f"{'matched':>9}"
    ]
    for one in result["rows"]:
        lines.append(
            f"{one['agents']:>8,}{one['queues']:>8}{one['waiting']:>9,}{one['median_us']:>11.1f}{one['p99_us']:>9.1f}"
            f"{one['comes_us']:>10.1f}{one['free_us']:>9.1f}{one['found']:>9.0%}"
        )
    lines.append(f"growth of the median {result['growth']:.2f}, of log n {result['log_growth']:.2f}")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    sizes = tuple(int(text) for text in sys.argv[1:]) or SIZES
    print(table(run(sizes)))


if __name__ == "__main__":
    main()
