"""Rules of alarms, alarms as they are kept, and messages to agents: plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Measure = Literal["waiting", "longest_wait", "service_level", "abandon_rate", "nobody_ready"]
WindowName = Literal["half_hour", "hour", "today"]
Level = Literal["warning", "critical"]
Target = tuple[str, str, str, str]
"""Rule, and pbx, queue and channel of what it is about; all empty: everything together."""
BELOW: Final[frozenset[Measure]] = frozenset({"service_level"})
"""Bad when less than the limit; all others when as much or more."""
RATES: Final[frozenset[Measure]] = frozenset({"service_level", "abandon_rate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """One threshold. ``limit``: contacts, seconds or percent; of ``nobody_ready`` the waiting contacts from which on it
    counts (0: always). ``queue``, ``pbx``, ``channel`` ``None``: all, each by itself or (``combined``) as one.

    ``least``: rates count from so many contacts on. ``quiet``: minutes of the site's day (from, until) in which the
    rule raises nothing; what is raised stays until it clears. Durations are seconds.
    """

    id: str
    name: str
    measure: Measure
    limit: float
    clear_at: float | None = None
    pbx: str | None = None
    queue: str | None = None
    channel: str | None = None
    combined: bool = False
    window: WindowName = "half_hour"
    least: int = 5
    raise_after: float = 0.0
    clear_after: float = 10.0
    quiet: tuple[int, int] | None = None
    level: Level = "warning"
    sound: bool = False
    enabled: bool = True
    version: int = 1

    def concerns(self, key: tuple[str, str, str]) -> bool:
        """Whether this queue and channel is one of the rule's."""
        wanted = (self.pbx, self.queue, self.channel)
        return all(one is None or one == given for one, given in zip(wanted, key, strict=True))

    def is_quiet(self, minute: int) -> bool:
        """Whether nothing is raised at this minute of the day (0 to 1,439); a quiet time may go over midnight."""
        if self.quiet is None:
            return False
        begin, end = self.quiet
        return begin <= minute < end if begin <= end else minute >= begin or minute < end

    def bad(self, value: float | None) -> bool:
        """Whether the threshold is reached."""
        if value is None:
            return False
        return value < self.limit if self.measure in BELOW else value >= self.limit

    def good(self, value: float | None) -> bool:
        """Whether the value is back where the alarm ends. Without a value there is nothing to alarm of."""
        if value is None:
            return True
        if self.clear_at is None:
            return not self.bad(value)
        return value >= self.clear_at if self.measure in BELOW else value <= self.clear_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One that is raised or was. Of a rule (``code`` ``threshold``), or of a limit of the program (``stuck_offered`` …,
    with ``params``). ``value`` is what was measured when it was raised; times are Unix seconds. ``ended``: why it is
    over: ``measured``, ``rule`` (it was changed), ``over`` (the state ended), ``restart``."""

    id: str
    code: str
    raised_at: float
    level: Level = "warning"
    rule: str | None = None
    name: str = ""
    measure: Measure | None = None
    sound: bool = False
    pbx: str | None = None
    queue: str | None = None
    channel: str | None = None
    value: float | None = None
    limit: float | None = None
    params: dict[str, str] = field(default_factory=dict)
    cleared_at: float | None = None
    ended: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMessage:
    """What a supervisor tells agents, or an agent the supervisors. ``to``: a user, ``queue:NAME``, ``all`` or
    ``supervisors``; ``readers``: who got it, and when each read it (Unix seconds, ``None``: not yet)."""

    id: str
    at: float
    by: str
    to: str
    text: str
    urgent: bool = False
    reply_to: str | None = None
    readers: dict[str, float | None] = field(default_factory=dict)
