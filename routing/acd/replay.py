"""A period of the log once more: exactly as it was, or with other people, hours, skills or rules. Pure.

What the distributor heard is in the log (``told``). Fed to an engine again it decides the same: that is the record.
What *would* have been is played: visitors come, go and talk as they did; who is asked answers as she did when she was
asked for that contact, else as agents of this period usually do; and her telephone and her own choices stay as they
were, also where she would have had other chats.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal

from interaction_log.events import DistributorTold
from routing.acd.engine import Engine
from routing.acd.model import Command, Divert, Offer, QueueRule, Seat, Withdraw
from routing.acd.told import STARTED, again, contact_of, seat_of
from routing.capacity import Capacity

Result = Literal["answered", "left", "diverted", "waiting"]
USUAL_ANSWER_SECONDS: Final = 3.0
USUAL_TALK_SECONDS: Final = 300.0
"""Where the period shows no answer or no talk at all."""


@dataclass(slots=True)
class Fate:
    """What became of a contact. ``waited``: seconds to the first answer, or until it left the line without one."""

    contact: str
    line: str
    channel: str
    due_at: float
    agent: str | None = None
    waited: float | None = None
    result: Result = "waiting"


@dataclass(slots=True)
class Story:
    """What a contact and its agents did. ``answers``: by agent how each offer ended and after how many seconds;
    ``talks``: each stay in an agent's hands, seconds, and what ended it; ``left_at``: when he gave up waiting."""

    answers: dict[str, list[tuple[Literal["accepted", "declined"], float]]] = field(default_factory=dict)
    talks: list[tuple[float, DistributorTold]] = field(default_factory=list)
    left_at: float | None = None


@dataclass(slots=True)
class Record:
    """A period as it was."""

    fates: dict[str, Fate] = field(default_factory=dict)
    stories: dict[str, Story] = field(default_factory=lambda: defaultdict(Story))
    decisions: list[tuple[str, str]] = field(default_factory=list)
    """(contact, agent) of each offer, in order."""


class Exact:
    """The period as it was, told call by call."""

    def __init__(self, rules: Iterable[QueueRule], capacity: Capacity) -> None:
        self._rules, self._capacity = list(rules), capacity
        self.engine = Engine(self._rules, capacity)
        self.record = Record()
        self._offered: dict[str, tuple[str, float]] = {}
        self._had: dict[str, float] = {}

    def take(self, told: DistributorTold) -> None:
        """One call, in order."""
        now = told.at or 0.0
        if told.what == STARTED:
            self.engine = Engine(self._rules, self._capacity)
            return
        self._before(told, now)
        for command in again(self.engine, told):
            self._said(command, now)

    def _before(self, told: DistributorTold, now: float) -> None:
        contact = told.contact or ""
        if told.what == "due" and contact not in self.record.fates:
            self.record.fates[contact] = _fate(contact, told.said)
        story = self.record.stories[contact] if contact else None
        if story is None:
            return
        if told.what in ("accepted", "declined") and contact in self._offered:
            agent, at = self._offered.pop(contact)
            story.answers.setdefault(agent, []).append(
                ("accepted" if told.what == "accepted" else "declined", now - at)
            )
            if told.what == "accepted":
                self._had[contact] = now
                _answered(self.record.fates.get(contact), agent, now)
        elif contact in self.engine.held and told.what in ("left", "move", "hand"):
            story.talks.append((now - self._had.pop(contact, now), told))
        elif contact in self.engine.lines.waiting and told.what == "left":
            story.left_at = now
            _gave_up(self.record.fates.get(contact), now)

    def _said(self, command: Command, now: float) -> None:
        if isinstance(command, Offer):
            self._offered[command.contact] = command.agent, now
            self.record.decisions.append((command.contact, command.agent))
        elif isinstance(command, Withdraw):
            self._offered.pop(command.contact, None)
        else:
            _diverted(self.record.fates.get(command.contact), now)


def exact(told: Iterable[DistributorTold], rules: Iterable[QueueRule], capacity: Capacity) -> Record:
    """The record of a period."""
    made = Exact(rules, capacity)
    for one in told:
        made.take(one)
    return made.record


# --- what would have been --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Somebody who was not there: from ``start`` to ``end`` she is ready, with nothing in hand."""

    seat: Seat
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``without``: agents who were there and now are not; ``skills``: other levels, by agent and skill."""

    rules: tuple[QueueRule, ...] = ()
    without: frozenset[str] = frozenset()
    shifts: tuple[Shift, ...] = ()
    skills: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Played:
    """The period with a change."""

    def __init__(self, record: Record, change: Change, capacity: Capacity) -> None:
        self.engine = Engine(change.rules, capacity)
        self.fates: dict[str, Fate] = {}
        self._change, self._stories = change, record.stories
        self._usual_answer, self._usual_talk = _usual(record)
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._n = 0
        self._asked: dict[str, int] = {}
        self._stays: dict[str, int] = {}
        self._used: dict[tuple[str, str], int] = {}

    def run(self, told: Iterable[DistributorTold]) -> dict[str, Fate]:
        """Play it to its end."""
        for shift in self._change.shifts:
            self._at(shift.start, partial(self._comes, shift.seat, True))
            self._at(shift.end, partial(self._comes, shift.seat, False))
        for one in told:
            self._until(one.at or 0.0)
            self._take(one, one.at or 0.0)
        self._until(float("inf"))
        return self.fates

    def _comes(self, seat: Seat, ready: bool, now: float) -> None:
        self._seat(replace(seat, ready=ready, idle_since=now, in_hand={}), now)

    # --- what is as it was ---------------------------------------------------------------------------

    def _take(self, told: DistributorTold, now: float) -> None:
        contact, agent = told.contact or "", told.agent or ""
        if told.what == "agent" and agent not in self._change.without:
            seat = seat_of(agent, told.said)
            self._seat(replace(seat, skills={**seat.skills, **self._change.skills.get(agent, {})}), now)
        elif told.what == "gone":
            self._do(self.engine.gone(agent, now), now)
        elif told.what == "due" and contact not in self.fates:
            self._know(told.said)
            self.fates[contact] = _fate(contact, told.said)
            self._do(self.engine.due(contact_of(contact, told.said), now), now)
        elif told.what == "known":
            self._do(self.engine.known(contact, told.said["own"], told.said["head_start"], now), now)
        elif told.what == "left" and contact in self.engine.lines.waiting and self._stories[contact].left_at == now:
            _gave_up(self.fates.get(contact), now)
            self._do(self.engine.left(contact, now), now)

    def _know(self, said: Mapping[str, Any]) -> None:
        self.engine.rules.setdefault(said["queue"], QueueRule(name=said["queue"]))

    def _seat(self, seat: Seat, now: float) -> None:
        self._do(self.engine.agent(seat, now), now)

    # --- what is played ------------------------------------------------------------------------------

    def _at(self, when: float, do: Callable[[float], None]) -> None:
        self._n += 1
        heapq.heappush(self._agenda, (when, self._n, do))

    def _until(self, then: float) -> None:
        """All that is due before ``then``, the engine's own clock first."""
        while True:
            clock = self.engine.next_at if self.engine.next_at is not None else float("inf")
            mine = self._agenda[0][0] if self._agenda else float("inf")
            if min(clock, mine) > then or min(clock, mine) == float("inf"):
                return
            if clock <= mine:
                self._do(self.engine.advance(clock), clock)
            else:
                when, _, do = heapq.heappop(self._agenda)
                do(when)

    def _do(self, commands: list[Command], now: float) -> None:
        for command in commands:
            if isinstance(command, Offer):
                self._offered(command, now)
            elif isinstance(command, Divert):
                _diverted(self.fates.get(command.contact), now)

    def _offered(self, offer: Offer, now: float) -> None:
        """She answers as she did, else as is usual."""
        contact, agent = offer.contact, offer.agent
        self._n += 1
        mark = self._asked[contact] = self._n
        known = self._stories[contact].answers.get(agent, [])
        used = self._used.get((contact, agent), 0)
        self._used[contact, agent] = used + 1
        what, seconds = known[used] if used < len(known) else ("accepted", self._usual_answer)
        self._at(now + seconds, partial(self._answers, contact, agent, what, mark))

    def _answers(self, contact: str, agent: str, what: str, mark: int, now: float) -> None:
        if self._asked.get(contact) != mark:
            return
        if what == "declined":
            self._do(self.engine.declined(contact, agent, now), now)
        elif self.engine.accepted(contact, agent, now):
            _answered(self.fates.get(contact), agent, now)
            stay = self._stays[contact] = self._stays.get(contact, -1) + 1
            talks = self._stories[contact].talks
            seconds = talks[stay][0] if stay < len(talks) else self._usual_talk
            self._at(now + seconds, partial(self._stay_over, contact, stay))
            self._do(self.engine.next_for(agent, now), now)

    def _stay_over(self, contact: str, stay: int, now: float) -> None:
        if contact not in self.engine.held or self._stays.get(contact) != stay:
            return
        talks = self._stories[contact].talks
        how = talks[stay][1] if stay < len(talks) else None
        if how is not None and how.what == "move":
            self._know(how.said)
            self._do(self.engine.move(contact, how.said["queue"], now), now)
        elif how is not None and how.what == "hand":
            sent = self.engine.hand(contact, how.agent or "", now, how.said["back_to"])
            queue = self.engine.held[contact][0].queue if sent is None else ""
            self._do(self.engine.move(contact, queue, now) if sent is None else sent, now)
        else:
            self._do(self.engine.left(contact, now), now)


def played(told: Iterable[DistributorTold], record: Record, change: Change, capacity: Capacity) -> dict[str, Fate]:
    """What would have become of each contact of the period."""
    return Played(record, change, capacity).run(told)


def _usual(record: Record) -> tuple[float, float]:
    """Medians: how soon an offer is taken, how long a contact is in hands."""
    stories = record.stories.values()
    answers = [s for one in stories for each in one.answers.values() for what, s in each if what == "accepted"]
    talks = [seconds for one in stories for seconds, _ in one.talks]
    return _median(answers, USUAL_ANSWER_SECONDS), _median(talks, USUAL_TALK_SECONDS)


def _median(values: list[float], otherwise: float) -> float:
    return sorted(values)[len(values) // 2] if values else otherwise


def _fate(contact: str, said: Mapping[str, Any]) -> Fate:
    return Fate(contact, said["queue"], said["channel"], said["due_at"])


def _answered(fate: Fate | None, agent: str, now: float) -> None:
    if fate is not None and fate.result != "answered":
        fate.agent, fate.waited, fate.result = agent, max(0.0, now - fate.due_at), "answered"


def _gave_up(fate: Fate | None, now: float) -> None:
    if fate is not None and fate.result == "waiting":
        fate.waited, fate.result = max(0.0, now - fate.due_at), "left"


def _diverted(fate: Fate | None, now: float) -> None:
    if fate is not None and fate.result == "waiting":
        fate.waited, fate.result = max(0.0, now - fate.due_at), "diverted"
