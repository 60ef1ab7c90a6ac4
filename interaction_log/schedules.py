"""When a report by mail is due, and about which time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from interaction_log.periods import known_zone, midnight

Every = Literal["day", "week", "month"]
RunState = Literal["due", "sending", "sent", "failed", "unknown"]
"""``unknown``: the program ended while the mail was handed over; it may have gone out, so it is not sent again."""
LATEST_SECONDS: Final = 7 * 86_400.0
"""What was due longer ago, while the program was not running, is not sent any more."""
ATTEMPTS: Final = 5
RETRY_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A report sent by mail every day, week (on Monday) or month (on the first), ``at_minute`` of the local day.

    ``question``: fields of ``reports.Question`` without times. Nothing is due before ``created_at``.
    """

    id: str
    name: str
    question: dict[str, Any]
    every: Every
    at_minute: int
    zone: str
    recipients: Sequence[str]
    format: Literal["csv", "xlsx"] = "xlsx"
    language: str = "en"
    enabled: bool = True
    created_by: str
    created_at: float
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One time that a schedule was due (Unix seconds)."""

    schedule_id: str
    due_at: float
    state: RunState
    attempts: int = 0
    changed_at: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A mail with one file. ``message_id`` is the same for every attempt of a run."""

    message_id: str
    subject: str
    recipients: Sequence[str]
    text: str
    file_name: str
    file_type: str
    file: bytes = field(repr=False)


def moment_of(day: date, minute: int, zone: ZoneInfo) -> float:
    """That minute on the clock on the wall; where the clock skips it, the first moment after; where it comes twice,
    the first time."""
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
    at = local.timestamp()
    shown = datetime.fromtimestamp(at, zone)
    if shown.replace(tzinfo=None) != local.replace(tzinfo=None):  # skipped: shown an hour later, or what is skipped
        before = local.replace(fold=1).timestamp()
        return _after_gap(min(at, before), max(at, before), zone)
    return at


def _after_gap(low: float, high: float, zone: ZoneInfo) -> float:
    """The moment between the two at which the offset changes."""
    first = datetime.fromtimestamp(low, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == first:
            low = middle
        else:
            high = middle
    return high


def due(one: Schedule, after: float, until: float) -> Iterator[float]:
    """The moments ``after`` < t ≤ ``until`` at which it is due, in order."""
    zone = known_zone(one.zone)
    day = datetime.fromtimestamp(after, zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(until, zone).date()
    while day <= last:
        if _is_day(day, one.every):
            at = moment_of(day, one.at_minute, zone)
            if after < at <= until:
                yield at
        day += timedelta(days=1)


def _is_day(day: date, every: Every) -> bool:
    if every == "week":
        return day.weekday() == 0
    return day.day == 1 if every == "month" else True


def covered(one: Schedule, due_at: float) -> tuple[float, float]:
    """What a run is about: the day, week or month before it, in the schedule's zone."""
    zone = known_zone(one.zone)
    end = datetime.fromtimestamp(due_at, zone).date()
    if one.every == "month":
        end = end.replace(day=1)
        start = (end - timedelta(days=1)).replace(day=1)
    elif one.every == "week":
        end -= timedelta(days=end.weekday())
        start = end - timedelta(days=7)
    else:
        start = end - timedelta(days=1)
    return float(midnight(start, zone)), float(midnight(end, zone))
