"""What becomes of a call that just came in: the queue, its place there, whom it should reach. Pure.

:data:`STEPS` is the whole decision, in order: each step has a condition and what it does to the answer; the first that
`ends` is the last. What callers wrote (name, number) never gets into a queue or target: these are from the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from routing.hours import Hours

Result = Literal["queue", "overflow", "closed"]
DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRules:
    """How calls of one queue are let in. Times in seconds; empty texts mean "none".

    ``overflow`` and ``closed`` are targets of the dialplan's own making: the name of a queue, or an extension.
    """

    queue: str
    dialled: tuple[str, ...] = ()
    priority: int = 0
    vip_priority: int = 10
    language: str = ""
    hours: Hours | None = None
    closed: str = ""
    overflow: str = ""
    overflow_waiting: int = 0
    """So many callers waiting, and the next goes to ``overflow``; 0: never."""
    overflow_without_agents: bool = False
    last_agent_days: float = 0.0
    """The agent whom the caller had last, at most so many days ago, is asked first; 0: nobody is."""
    agent_seconds: int = 15
    """How long the preferred agent's phone rings before the call goes to everybody."""
    agent_queue: str = "agent-{phone}"
    """The name of an agent's own queue at the PBX; ``{phone}`` is the device behind the slash."""
    callback: bool = False
    callback_waiting: int = 1
    """A callback is offered when at least so many callers wait."""
    callback_by: Literal["console", "queue"] = "console"
    """Who makes it: an agent who is asked at her console, in one line with chats and callers; or whom the PBX's queue
    rings for it, console or not."""

    def open_at(self, now: float) -> bool:
        """Whether it is within the hours at ``now`` (Unix seconds)."""
        return self.hours is None or self.hours.is_open(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryQuestion:
    """What the PBX asks. ``address``: who calls, in E.164 where possible; ``None`` withheld."""

    dialled: str
    address: str | None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What we know of the caller. ``own_agent``: who looks after this customer; ``sure``: known by the exact number."""

    name: str
    sure: bool = True
    vip: bool = False
    language: str | None = None
    own_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTalk:
    """Whom the caller had last, and when that was (Unix seconds)."""

    agent: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFacts:
    """How things stand. ``ready``: device by agent of all who could take a call of this queue now."""

    rules: EntryRules
    person: Person | None = None
    last_talk: LastTalk | None = None
    ready: dict[str, str] = field(default_factory=dict)
    agents: int = 0
    """Signed in for this queue and not paused, busy or not."""
    entered: tuple[float, ...] = ()
    """When each caller that waits there now entered (Unix seconds)."""
    callback_since: float | None = None
    """The caller has an open callback for this queue, with the place of that moment."""
    overflow_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryAnswer:
    """What the dialplan is told. ``position``: from 1, 0 means at the end; ``agent_queue`` is tried first."""

    result: Result
    queue: str
    priority: int = 0
    position: int = 0
    agent: str = ""
    agent_queue: str = ""
    agent_seconds: int = 0
    language: str = ""
    name: str = ""
    target: str = ""
    offer_callback: bool = False
    keeps_place: bool = False
    why: str = ""
    """The steps that counted, for the log and for people who ask."""


@dataclass(frozen=True, slots=True)
class _Case:
    question: EntryQuestion
    facts: EntryFacts
    now: float

    @property
    def rules(self) -> EntryRules:
        return self.facts.rules

    @property
    def open(self) -> bool:
        return self.rules.open_at(self.now)

    @property
    def vip(self) -> bool:
        return self.facts.person is not None and self.facts.person.vip

    @property
    def full(self) -> bool:
        """Too many wait, or nobody is there; only where there is somewhere else to go."""
        rules, facts = self.rules, self.facts
        crowded = 0 < rules.overflow_waiting <= len(facts.entered)
        alone = rules.overflow_without_agents and facts.agents == 0
        return bool(rules.overflow) and facts.overflow_open and (crowded or alone)

    @property
    def preferred(self) -> str | None:
        """The customer's own agent, else the last one, if the phone could ring now."""
        person, last = self.facts.person, self.facts.last_talk
        wanted = [] if person is None or person.own_agent is None else [person.own_agent]
        if last is not None and 0 <= self.now - last.at <= self.rules.last_agent_days * DAY:
            wanted.append(last.agent)
        return next((agent for agent in wanted if agent in self.facts.ready), None)

    @property
    def place(self) -> int:
        """The position of somebody who came at ``callback_since``."""
        since = self.facts.callback_since
        return 0 if since is None else place_of(since, self.facts.entered)


def place_of(since: float, entered: tuple[float, ...]) -> int:
    """The position (from 1) of somebody who came at ``since`` among those who wait since ``entered``."""
    return 1 + sum(1 for one in entered if one <= since)


def _greet(case: _Case, answer: EntryAnswer) -> EntryAnswer:
    person = case.facts.person
    if person is None:
        return answer
    name = person.name if person.sure else ""  # a "maybe" is for the agent to judge, not for the phone's display
    return replace(answer, name=name, language=person.language or answer.language)


def _prefer(case: _Case, answer: EntryAnswer) -> EntryAnswer:
    agent = case.preferred or ""
    phone = case.facts.ready[agent].partition("/")[2]
    queue = case.rules.agent_queue.format(phone=phone)
    return replace(answer, agent=agent, agent_queue=queue, agent_seconds=case.rules.agent_seconds)


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the decision. ``ends``: nothing after it counts."""

    why: str
    when: Callable[[_Case], object]
    then: Callable[[_Case, EntryAnswer], EntryAnswer]
    ends: bool = False


STEPS: Final = (
    Step("known", lambda c: c.facts.person, _greet),
    Step("closed", lambda c: not c.open, lambda c, a: replace(a, result="closed", target=c.rules.closed), ends=True),
    Step(
        "vip", lambda c: c.facts.person and c.facts.person.vip, lambda c, a: replace(a, priority=c.rules.vip_priority)
    ),
    Step(
        "keeps_place",
        lambda c: c.facts.callback_since is not None,
        lambda c, a: replace(a, position=c.place, keeps_place=True),
        ends=True,
    ),
    Step("preferred_agent", lambda c: c.preferred is not None, _prefer, ends=True),
    Step("overflow", lambda c: c.full, lambda c, a: replace(a, result="overflow", target=c.rules.overflow), ends=True),
    Step(
        "callback",
        lambda c: c.rules.callback and c.question.address and len(c.facts.entered) >= c.rules.callback_waiting,
        lambda c, a: replace(a, offer_callback=True),
    ),
)


def decide(question: EntryQuestion, facts: EntryFacts, now: float) -> EntryAnswer:
    """What becomes of this call. ``now``: Unix seconds. Never raises for what a caller wrote."""
    case = _Case(question, facts, now)
    rules = facts.rules
    answer = EntryAnswer(result="queue", queue=rules.queue, priority=rules.priority, language=rules.language)
    counted = []
    for step in STEPS:
        if not step.when(case):
            continue
        answer = step.then(case, answer)
        counted.append(step.why)
        if step.ends:
            break
    return replace(answer, why=",".join(counted))
