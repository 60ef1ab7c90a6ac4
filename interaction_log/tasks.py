"""Tasks with reminders, and rules that make tasks. Pure: time is an argument.

A due time is an instant, kept with the zone in which it was meant: "Friday 10:00" is what the owner's wall shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from interaction_log.records import Refused

TaskState = Literal["open", "done", "cancelled"]
STATES: Final = ("open", "done", "cancelled")
MOST_A_DAY: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to do. ``due_at``: Unix seconds; the owner is told then. ``rule_id``: the rule that made it."""

    id: str
    title: str
    owner: str
    state: TaskState = "open"
    created_by: str
    created_at: float
    notes: str | None = None
    customer_id: str | None = None
    customer_name: str | None = None
    case_id: str | None = None
    interaction_id: str | None = None
    due_at: float | None = None
    zone: str | None = None
    closed_at: float | None = None
    reminded_at: float | None = None
    rule_id: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRule:
    """Makes a task for each customer of a segment, once a day at ``at_minute`` of the wall in ``zone``.

    A customer who has an open task of the rule gets no second one. ``most``: tasks a day. ``owner`` ``None``: who
    looks after the customer; customers whom nobody looks after are left out then.
    """

    id: str
    segment_id: str
    title: str
    owner: str | None
    at_minute: int
    zone: str
    most: int = 100
    disabled: bool = False
    last_day: str | None = None
    version: int = 1


def zone(name: str, field: str = "zone") -> ZoneInfo:
    """The time zone of this name, or ``Refused``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(field, f"{name[:64]!r} is no time zone (as Asia/Shanghai)") from None


def at_wall(wall: str, place: ZoneInfo, field: str = "due") -> float:
    """The instant at which the wall shows ``2026-11-27T10:00``; a time that is skipped is when the gap is over.

    Of a time that comes twice the first. Raises ``Refused``.
    """
    try:
        shown = datetime.fromisoformat(wall)
    except ValueError:
        raise Refused(field, "is no time such as 2026-01-31T09:30") from None
    if shown.tzinfo is not None:
        raise Refused(field, "is no time such as 2026-01-31T09:30")
    return _instant(shown, place)


def _instant(shown: datetime, place: ZoneInfo) -> float:
    # PEP 495: in a gap, fold=1 counts with the offset of after it, which gives an instant before the gap
    first = shown.replace(tzinfo=place, fold=0).timestamp()
    again = datetime.fromtimestamp(first, place).replace(tzinfo=None)
    if again == shown:
        return first
    low, high = shown.replace(tzinfo=place, fold=1).timestamp(), first
    offset = datetime.fromtimestamp(low, place).utcoffset()
    while high - low > 1:
        middle = float(int((low + high) / 2))
        same = datetime.fromtimestamp(middle, place).utcoffset() == offset
        low, high = (middle, high) if same else (low, middle)
    return high


def due_day(rule: TaskRule, now: float) -> date | None:
    """The day for which the rule shall make its tasks now; ``None``: not yet, or done already."""
    if rule.disabled:
        return None
    today = _day(rule, now)
    return today if rule.last_day is None or rule.last_day < today.isoformat() else None


def next_run(rule: TaskRule, now: float) -> float | None:
    """When the rule is to run next, ``now`` if it should have; ``None``: never."""
    if rule.disabled:
        return None
    if due_day(rule, now) is not None:
        return now
    place = ZoneInfo(rule.zone)
    return _instant(datetime.combine(_day(rule, now) + timedelta(days=1), _clock(rule)), place)


def _clock(rule: TaskRule) -> time:
    return time(rule.at_minute // 60, rule.at_minute % 60)


def _day(rule: TaskRule, now: float) -> date:
    """The last day whose time of the rule has come."""
    place = ZoneInfo(rule.zone)
    today = datetime.fromtimestamp(now, place).date()
    come = now >= _instant(datetime.combine(today, _clock(rule)), place)
    return today if come else today - timedelta(days=1)
