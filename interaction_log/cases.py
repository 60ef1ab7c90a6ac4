"""Cases: matters that span interactions. Their types are defined by the site, each with its states as one table. Pure.

A state has a phase: ``open`` (we work, its clock runs), ``waiting`` (for somebody else, its clock stands still),
``closed``. The due time is given in business time: it is what is left, counted from the moment the clock runs again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol

from interaction_log.records import Conflict, Refused

Phase = Literal["open", "waiting", "closed"]
PHASES: Final = ("open", "waiting", "closed")
MOST_STATES: Final = 20
CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
MOST_DUE_MINUTES: Final = 60 * 24 * 90


class WorkingTime(Protocol):
    """Counts time in which somebody is there. ``calendar``: the name of hours; all times are Unix seconds."""

    def after(self, calendar: str | None, start: float, seconds: float) -> float:
        """The moment at which ``seconds`` of working time have gone by since ``start``."""
        ...

    def between(self, calendar: str | None, start: float, end: float) -> float:
        """The seconds of working time from ``start`` to ``end``; 0 if ``end`` is earlier."""
        ...


class AroundTheClock:
    """Somebody is always there."""

    def after(self, calendar: str | None, start: float, seconds: float) -> float:
        """``start`` and the seconds."""
        return start + seconds

    def between(self, calendar: str | None, start: float, end: float) -> float:
        """The seconds between."""
        return max(0.0, end - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseState:
    """A row of a type's table. ``next``: the states that may follow; a case begins in the first row."""

    code: str
    labels: dict[str, str]
    phase: Phase = "open"
    next: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseType:
    """A kind of case. ``due_minutes``: of business time by ``calendar``; ``None``: it has no due time."""

    code: str
    labels: dict[str, str]
    states: list[CaseState]
    due_minutes: int | None = None
    calendar: str | None = None
    position: int = 0
    retired: bool = False

    def state(self, code: str) -> CaseState | None:
        """The row of this state; ``None``: the site took it away."""
        return next((one for one in self.states if one.code == code), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case. ``left_seconds``: of business time, while its clock stands still; then ``due_at`` is ``None``."""

    id: str
    number: int
    type: str
    state: str
    phase: Phase
    title: str
    opened_at: float
    opened_by: str
    changed_at: float
    text: str | None = None
    owner: str | None = None
    customer_id: str | None = None
    due_at: float | None = None
    left_seconds: float | None = None
    closed_at: float | None = None
    version: int = 1


def check_type(kind: CaseType) -> CaseType:
    """The type, or ``Refused`` with the name of the field: each state can be reached and one can be closed."""
    if not CODE.fullmatch(kind.code):
        raise Refused("code", "1 to 64 of a-z, 0-9, dash and underscore")
    check_labels(kind.labels, "labels")
    if kind.due_minutes is not None and not 1 <= kind.due_minutes <= MOST_DUE_MINUTES:
        raise Refused("due_minutes", f"1 to {MOST_DUE_MINUTES}")
    codes = [one.code for one in kind.states]
    if not 1 <= len(codes) <= MOST_STATES:
        raise Refused("states", f"1 to {MOST_STATES} states")
    for n, one in enumerate(kind.states):
        _check_state(one, codes, n)
    _check_ways(kind)
    return kind


def check_labels(labels: dict[str, str], where: str) -> None:
    """Texts by language, at least one; raises ``Refused``."""
    if not labels or len(labels) > 20:
        raise Refused(where, "a text in at least one language")
    for language, text in labels.items():
        if not 1 <= len(text.strip()) <= 200 or not text.isprintable():
            raise Refused(f"{where}.{language[:20]}", "1 to 200 characters")


def _check_state(one: CaseState, codes: list[str], n: int) -> None:
    where = f"states.{n}"
    if not CODE.fullmatch(one.code):
        raise Refused(f"{where}.code", "1 to 64 of a-z, 0-9, dash and underscore")
    if codes.index(one.code) != n:
        raise Refused(f"{where}.code", "is given twice")
    check_labels(one.labels, f"{where}.labels")
    if one.phase not in PHASES:
        raise Refused(f"{where}.phase", f"one of {', '.join(PHASES)}")
    if any(code not in codes or code == one.code for code in one.next):
        raise Refused(f"{where}.next", "there is no such state")


def _check_ways(kind: CaseType) -> None:
    if kind.states[0].phase == "closed":
        raise Refused("states.0.phase", "a case cannot begin closed")
    reached, ends = {kind.states[0].code}, [kind.states[0].code]
    while ends:
        state = kind.state(ends.pop())
        new = set(state.next if state else ()) - reached
        reached |= new
        ends += new
    for n, one in enumerate(kind.states):
        if one.code not in reached:
            raise Refused(f"states.{n}", "this state can never be reached")
    if not any(one.phase == "closed" for one in kind.states):
        raise Refused("states", "one state must be closed")


def opened(case: Case, kind: CaseType, now: float, hours: WorkingTime) -> Case:
    """A new case of this type in its first state, with its due time."""
    first = kind.states[0]
    case = replace(case, type=kind.code, state=first.code, phase=first.phase)
    if kind.due_minutes is None:
        return case
    seconds = kind.due_minutes * 60.0
    if first.phase == "waiting":
        return replace(case, due_at=None, left_seconds=seconds)
    return replace(case, due_at=hours.after(kind.calendar, now, seconds))


def moved(case: Case, kind: CaseType, to: str, now: float, hours: WorkingTime) -> Case:
    """The case in another state. Raises ``Refused`` for a state that is none, ``Conflict`` for one that may not follow.

    Whoever is in a state that the site has taken away may go anywhere.
    """
    target, here = kind.state(to), kind.state(case.state)
    if target is None:
        raise Refused("state", "there is no such state")
    if here is not None and to != here.code and to not in here.next:
        raise Conflict(f"A case that is {here.code} cannot become {to}.")
    case = _clock(case, kind, target.phase, now, hours)
    return replace(case, state=to, phase=target.phase, closed_at=now if target.phase == "closed" else None)


def _clock(case: Case, kind: CaseType, phase: Phase, now: float, hours: WorkingTime) -> Case:
    """Stop or start the clock of its due time. A closed case keeps the due time that it had."""
    if phase == "waiting" and case.due_at is not None:
        left = hours.between(kind.calendar, now, case.due_at)
        late = hours.between(kind.calendar, case.due_at, now)  # it stays as late as it was
        return replace(case, due_at=None, left_seconds=left - late)
    if phase == "open" and case.left_seconds is not None:
        left = case.left_seconds
        due = hours.after(kind.calendar, now, left) if left > 0 else now + left
        return replace(case, due_at=due, left_seconds=None)
    return case


def differences(before: Case, after: Case) -> dict[str, list[Any]]:
    """What changed, as ``[old, new]`` by field; for the history."""
    names: Sequence[str] = ("type", "state", "title", "text", "owner", "customer_id", "due_at")
    return {
        name: [getattr(before, name), getattr(after, name)]
        for name in names
        if getattr(before, name) != getattr(after, name)
    }
