"""Why this contact does not go to that agent: every reason, the first that one would look at first. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from routing.acd.engine import Engine
from routing.acd.lines import Waiting
from routing.acd.model import Seat


@dataclass(frozen=True, slots=True)
class Reason:
    """A code with its parameters; the words are in the browser's catalogues (``route.CODE``)."""

    code: str
    params: dict[str, str] = field(default_factory=dict)


_LOOKED_AT: Final = 200
"""So many of a queue's agents are looked at for one decision."""


@dataclass(frozen=True, slots=True)
class Considered:
    """Somebody who was not asked."""

    agent: str
    reasons: list[Reason]


def why_not(engine: Engine, contact: str, agent: str, now: float) -> list[Reason]:
    """What keeps them apart now; empty: nothing does, it will be offered (or is)."""
    one, seat = engine.lines.waiting.get(contact), engine.crew.seats.get(agent)
    if one is None:
        held = engine.held.get(contact)
        return [Reason("in_hands", {"agent": held[1]})] if held is not None else [Reason("not_waiting")]
    if seat is None:
        return [Reason("not_signed_in")]
    if one.offered == agent:
        return []
    found = [*_of_contact(one, agent, now), *_of_agent(engine, one, seat)]
    return found or _of_queues(engine, one, seat)


def _of_contact(one: Waiting, agent: str, now: float) -> list[Reason]:
    found = [Reason("closed")] if one.asleep else []
    if one.offered is not None:
        found.append(Reason("offered_to", {"agent": one.offered}))
    if one.reserved not in (None, agent):
        found.append(Reason("waits_for_own", {"agent": one.reserved or ""}))
    if one.declined.get(agent, 0.0) > now:
        found.append(Reason("declined", {"seconds": f"{one.declined[agent] - now:.0f}"}))
    return found


def _of_agent(engine: Engine, one: Waiting, seat: Seat) -> list[Reason]:
    found = []
    if not seat.ready:
        found.append(Reason("not_ready"))
    if seat.offered is not None:
        found.append(Reason("has_an_offer"))
    if one.contact.channel in seat.cannot:
        found.append(Reason("not_equipped"))
    if not engine.crew.room(seat, one.contact.channel):
        found.append(Reason("no_room", {"used": str(engine.crew.percent(seat))}))
    return found


def _of_queues(engine: Engine, one: Waiting, seat: Seat) -> list[Reason]:
    """One queue that fits is enough; otherwise what is missing in each."""
    found: list[Reason] = []
    for kind in engine.kinds(one):
        if kind.queue not in seat.queues:
            found.append(Reason("not_in_queue", {"queue": kind.queue}))
        elif not engine.crew.in_team(seat, kind.queue):
            found.append(Reason("other_team", {"queue": kind.queue}))
        elif not seat.has(kind.needs):
            missing = [n for n in kind.needs if seat.skills.get(n.skill, 0) < n.level]
            found += [Reason("lacks_skill", {"skill": n.skill, "level": str(n.level)}) for n in missing]
        else:
            return [Reason("others_first", {"queue": kind.queue})]
    return found


def considered(engine: Engine, contact: str, chosen: str | None, now: float, most: int) -> list[Considered]:
    """Who else serves its queues, and why each of them was not asked: those who are ready first, at most ``most``.

    To be asked at the moment of the decision. Somebody whom nothing kept was behind who was chosen (``others_first``).
    """
    one = engine.lines.waiting.get(contact)
    if one is None:
        return []
    names: dict[str, None] = {}
    for queue in one.queues:
        names |= dict.fromkeys(engine.crew.members(queue, _LOOKED_AT))
    names.pop(chosen or "", None)
    seats = [engine.crew.seats[name] for name in names]
    seats.sort(key=lambda seat: (not seat.ready, seat.idle_since, seat.name))
    return [Considered(seat.name, _kept_apart(engine, one, seat, now)) for seat in seats[:most]]


def _kept_apart(engine: Engine, one: Waiting, seat: Seat, now: float) -> list[Reason]:
    """As if it were offered to nobody yet."""
    found = [reason for reason in _of_contact(one, seat.name, now) if reason.code != "offered_to"]
    found += _of_agent(engine, one, seat)
    return found or _of_queues(engine, one, seat)
