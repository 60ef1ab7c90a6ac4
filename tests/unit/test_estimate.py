"""The estimate of a wait: nothing is said that is not known, and what is said is right on average."""

from __future__ import annotations

import random

from routing.acd.engine import Engine
from routing.acd.estimate import ENOUGH, RECENT_SECONDS, Lengths, estimate
from routing.acd.model import Contact, Offer, QueueRule, Seat
from routing.capacity import Capacity


def test_nothing_is_said_without_knowing() -> None:
    lengths = Lengths()
    for n in range(ENOUGH - 1):
        lengths.add(100.0 + n, 60.0)
    assert lengths.mean(110.0) is None and estimate(1, 3, None) is None
    lengths.add(110.0, 60.0)
    assert lengths.mean(110.0) == 60.0
    assert lengths.mean(110.0 + RECENT_SECONDS + 10) is None  # what was an hour ago says nothing
    assert estimate(1, 0, 60.0) is None  # nobody is there
    assert estimate(1, 3, 60.0) == 20.0 and estimate(6, 3, 60.0) == 120.0


def test_what_is_said_is_what_comes_on_average() -> None:
    """Two agents with three chats each, more visitors than they can take, of whom each is told a time as he comes."""
    rng = random.Random(7)
    engine = Engine([QueueRule(name="q")], Capacity())
    lengths, told, waited = Lengths(), [], []
    ends: list[tuple[float, str]] = []
    for name in ("anna", "ben"):
        engine.agent(Seat(name, True, frozenset({"q"})), 0.0)
    said: dict[str, tuple[float, float]] = {}

    def take(commands: object, now: float) -> None:
        for one in commands if isinstance(commands, list) else []:
            if isinstance(one, Offer) and engine.accepted(one.contact, one.agent, now):
                ends.append((now + rng.expovariate(1 / 300), one.contact))
                lengths_of[one.contact] = now
                if one.contact in said:
                    at, seconds = said.pop(one.contact)
                    told.append(seconds)
                    waited.append(now - at)
                take(engine.next_for(one.agent, now), now)

    lengths_of: dict[str, float] = {}
    now, n = 0.0, 0
    while n < 1_500:
        now += rng.expovariate(1 / 49)  # 49 s between visitors, 50 s between ends
        while ends and min(ends)[0] <= now:
            at, contact = min(ends)
            ends.remove((at, contact))
            lengths.add(at, at - lengths_of.pop(contact))
            take(engine.left(contact, at), at)
        n += 1
        take(engine.due(Contact(id=f"c{n}", queue="q", channel="chat", due_at=now), now), now)
        if f"c{n}" in engine.lines.waiting:
            seconds = estimate(len(engine.lines.waiting), engine.slots("q", "chat"), lengths.mean(now))
            if seconds is not None:
                said[f"c{n}"] = (now, seconds)
    assert len(told) > 500
    assert 0.8 < sum(told) / sum(waited) < 1.25
