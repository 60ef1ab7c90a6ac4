"""What is asked of a report and what comes back. Pure; the numbers' meaning is in ``metrics``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from interaction_log import metrics
from interaction_log.metrics import REPEAT_DAYS, SHORT_ABANDON_SECONDS, Report
from interaction_log.periods import Periods, Step, periods

Group = Literal["queue", "agent", "all", "channel", "segment", "campaign", "disposition"]
GROUPS: Final[Mapping[Report, tuple[Group, ...]]] = {
    "queues": ("queue",),
    "agents": ("agent",),
    "contacts": ("all", "channel", "segment", "campaign", "disposition", "queue"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One report. Times are Unix seconds; ``level`` and ``short`` seconds, ``None``: each queue's own threshold."""

    report: Report
    start: float
    end: float
    step: Step = "day"
    zone: str = "UTC"
    group: Group | None = None
    queue: str | None = None
    agent: str | None = None
    channel: str | None = None
    short: float = SHORT_ABANDON_SECONDS
    level: float | None = None
    repeat_days: float = REPEAT_DAYS

    @property
    def grouped(self) -> Group:
        """What a row is about: as asked, else the report's usual one."""
        return self.group or GROUPS[self.report][0]

    def periods(self) -> Periods:
        """The rows' periods. Raises ``ValueError``, see ``periods.periods``."""
        return periods(self.start, self.end, self.step, self.zone)


@dataclass(frozen=True, slots=True)
class Cell:
    """The sums of one group in one period (number ``period``)."""

    key: str | None
    period: int
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Table:
    """A report: a cell for each group and period in which something was counted, by group, then by period."""

    question: Question
    periods: Periods
    cells: Sequence[Cell]

    def groups(self) -> list[str | None]:
        """The groups in order; what has none at the end."""
        return sorted({cell.key for cell in self.cells}, key=lambda key: (key is None, key or ""))

    def of_key(self, key: str | None) -> dict[str, int]:
        """The sums of a group over all periods."""
        return metrics.added(cell.sums for cell in self.cells if cell.key == key)

    def of_period(self, period: int) -> dict[str, int]:
        """The sums of a period over all groups."""
        return metrics.added(cell.sums for cell in self.cells if cell.period == period)

    def total(self) -> dict[str, int]:
        """The sums of all."""
        return metrics.added(cell.sums for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """An hour of a queue in which what was offered is not what became of it, with the interactions to look at."""

    queue: str
    at: float
    offered: int
    outcomes: Mapping[str, int]
    difference: int
    interactions: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StateFault:
    """A moment at which an agent was in two states, in none, or in one that there is not."""

    agent: str
    at: float | None
    seconds: float
    kind: Literal["gap", "overlap", "unknown_state", "no_time"]


@dataclass(frozen=True, slots=True)
class Check:
    """The conservation check. ``agent_seconds``: signed-in seconds by sign-ins and outs, and the sum over states."""

    start: float
    end: float
    hours: int
    offered: int
    outcomes: Mapping[str, int]
    unbalanced: Sequence[Unbalanced]
    agents: int
    signed_in_seconds: float
    state_seconds: float
    faults: Sequence[StateFault]

    @property
    def holds(self) -> bool:
        """Whether everything adds up."""
        same = round(self.signed_in_seconds * 1000) == round(self.state_seconds * 1000)
        return not self.unbalanced and not self.faults and same


@dataclass(frozen=True, slots=True)
class Behind:
    """A page of the interactions behind a number, oldest first; how many there are in all."""

    items: Sequence[Mapping[str, Any]]
    next: str | None
    count: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
