"""Business hours and holidays. Pure: time is an argument, time zones come from ``zoneinfo``.

Hours are wall-clock times of one zone: "open from 09:00" means when the clock on the wall of the office shows 09:00.
So an instant is translated to the wall and compared there; that is right in both kinds of night when the clocks are
changed: a wall time that is skipped is never reached (a period that would begin in it begins when the gap is over), one
that comes twice counts twice. The first hit counts: a holiday or exception of the day, else the week.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 24 * 60
HORIZON_DAYS: Final = 370
"""How far a change is looked for: a year and a holiday week."""

_PERIOD: Final = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?\s+(\d{2}):(\d{2})-(\d{2}):(\d{2})", re.ASCII)
_EXCEPTION: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\s+(closed|(?:\d{2}:\d{2}-\d{2}:\d{2}\s*)+)", re.ASCII)
_SPAN: Final = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})", re.ASCII)


class HoursError(ValueError):
    """Text that says no hours; the message names what is wrong and is safe to show."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Minutes of one day on the wall: from ``start`` (0 to 1439) to before ``end`` (1 to 1440)."""

    start: int
    end: int

    def holds(self, minute: int) -> bool:
        """Whether this minute of the day lies in it."""
        return self.start <= minute < self.end


@dataclass(frozen=True, slots=True)
class Holiday:
    """Closed from ``start`` to before ``end`` (wall time without zone); ``yearly``: again in each following year.

    ``until``: the last year in which it is kept.
    """

    start: datetime
    end: datetime
    yearly: bool = False
    until: int | None = None
    name: str = ""

    def covers(self, wall: datetime) -> bool:
        """Whether the wall time (without zone) lies in it."""
        if not self.yearly:
            return self.start <= wall < self.end
        # It may have begun in the year before: a holiday over New Year's Eve.
        return any(start <= wall < start + (self.end - self.start) for start in self._in_years(wall.year))

    def _in_years(self, year: int) -> Iterator[datetime]:
        for one in (year - 1, year):
            if one >= self.start.year and (self.until is None or one <= self.until):
                try:
                    yield self.start.replace(year=one)
                except ValueError:  # 29 February is kept in leap years only (RFC 5545 §3.3.10)
                    continue


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody is there. ``week``: the spans of Monday to Sunday; ``exceptions`` replace the week's on a date."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    exceptions: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    holidays: tuple[Holiday, ...] = ()

    def is_open(self, now: float) -> bool:
        """Whether it is open at ``now`` (Unix seconds)."""
        wall = datetime.fromtimestamp(now, self.zone).replace(tzinfo=None, fold=0)
        minute = wall.hour * 60 + wall.minute
        if wall.date() not in self.exceptions and any(one.covers(wall) for one in self.holidays):
            return False
        return any(span.holds(minute) for span in self._spans(wall.date()))

    def next_opening(self, now: float) -> float | None:
        """When it opens next, ``now`` itself if it is open; ``None``: not within a year."""
        return now if self.is_open(now) else self.next_change(now)

    def next_change(self, now: float) -> float | None:
        """The next instant (Unix seconds) at which open becomes closed or the other way round, within a year."""
        before = self.is_open(now)
        today = datetime.fromtimestamp(now, self.zone).date()
        days = [self._candidates(today + timedelta(days=number)) for number in (-1, 0, 1)]
        for number in range(2, HORIZON_DAYS):
            days = [*days[-3:], self._candidates(today + timedelta(days=number))]
            # Several at once: where a whole day was skipped, its wall times are those of the next.
            for instant in sorted(set().union(*days)):
                if instant > now and self.is_open(instant) != before:
                    return instant
        return None

    def _spans(self, day: date) -> tuple[Span, ...]:
        return self.exceptions.get(day, self.week[day.weekday()])

    def _candidates(self, day: date) -> set[float]:
        """Instants of this day at which something may change: the wall reaches a boundary, or the clocks change."""
        walls = {datetime.combine(day, time())}
        for span in self._spans(day):
            walls |= {datetime.combine(day, time()) + timedelta(minutes=m) for m in (span.start, span.end)}
        for holiday in self.holidays:
            walls |= set(_edges(holiday, day))
        found = {one for wall in walls for one in self._instants(wall)}
        change = self._clock_change(day)
        return found if change is None else found | {change}

    def _instants(self, wall: datetime) -> set[float]:
        return {wall.replace(tzinfo=self.zone, fold=fold).timestamp() for fold in (0, 1)}

    def _clock_change(self, day: date) -> float | None:
        """When the clocks are changed on this day, to the second."""
        low = datetime.combine(day, time(), self.zone).timestamp()
        high = datetime.combine(day + timedelta(days=1), time(), self.zone).timestamp()
        first = self._offset(low)
        if self._offset(high) == first:
            return None
        while high - low > 1:
            middle = float(int((low + high) / 2))
            low, high = (middle, high) if self._offset(middle) == first else (low, middle)
        return high

    def _offset(self, instant: float) -> timedelta | None:
        return datetime.fromtimestamp(instant, self.zone).utcoffset()


def _edges(holiday: Holiday, day: date) -> Iterator[datetime]:
    starts = holiday._in_years(day.year) if holiday.yearly else iter((holiday.start,))
    for start in starts:
        for edge in (start, start + (holiday.end - holiday.start)):
            if edge.date() == day:
                yield edge


# --- from text -------------------------------------------------------------------------------------------


def hours(zone: str, periods: Iterable[str], exceptions: Iterable[str] = (), holidays: Iterable[Holiday] = ()) -> Hours:
    """Hours of texts: periods ``mon-fri 09:00-12:00``, exceptions ``2026-12-24 09:00-12:00`` or ``… closed``.

    A period whose end is not after its start runs over midnight (``22:00-06:00``). ``24:00`` is the end of the day.
    Raises :class:`HoursError`.
    """
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise HoursError(f"{zone!r} is no time zone (as Asia/Shanghai)") from None
    week: list[set[Span]] = [set() for _ in DAYS]
    for text in periods:
        days, spans = _period(text)
        for day in days:
            for shift, span in spans:
                week[(day + shift) % 7].add(span)
    return Hours(place, tuple(tuple(sorted(one)) for one in week), dict(_exceptions(exceptions)), tuple(holidays))


def _period(text: str) -> tuple[list[int], list[tuple[int, Span]]]:
    found = _PERIOD.fullmatch(text.strip().lower())
    if found is None:
        raise HoursError(f"{text!r} is no period (as mon-fri 09:00-12:00)")
    first, last = found[1], found[2] or found[1]
    if first not in DAYS or last not in DAYS:
        raise HoursError(f"{text!r} names no day of the week ({', '.join(DAYS)})")
    count = (DAYS.index(last) - DAYS.index(first)) % 7 + 1
    return [(DAYS.index(first) + n) % 7 for n in range(count)], _split(*_minutes(text, *found.groups()[2:]))


def _minutes(text: str, *parts: str | None) -> tuple[int, int]:
    h1, m1, h2, m2 = (int(part or 0) for part in parts)
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if max(m1, m2) > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise HoursError(f"{text!r} has a time that no clock shows")
    return start, end


def _split(start: int, end: int) -> list[tuple[int, Span]]:
    """The span, or its two parts: this evening's and tomorrow morning's."""
    if start < end:
        return [(0, Span(start, end))]
    return [(0, Span(start, DAY_MINUTES)), *([(1, Span(0, end))] if end else [])]


def _exceptions(texts: Iterable[str]) -> Iterator[tuple[date, tuple[Span, ...]]]:
    for text in texts:
        found = _EXCEPTION.fullmatch(text.strip().lower())
        if found is None:
            raise HoursError(f"{text!r} is no exception (as 2026-12-24 09:00-12:00, or 2026-12-25 closed)")
        try:
            day = date.fromisoformat(found[1])
        except ValueError:
            raise HoursError(f"{text!r} names a day that no calendar has") from None
        spans = [_minutes(text, *one) for one in _SPAN.findall(found[2])]
        if any(end <= start for start, end in spans):
            raise HoursError(f"{text!r}: an exception ends on its own day")
        yield day, tuple(sorted(Span(*one) for one in spans))


def utc_wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """A time with a zone (or without: then it is one of the wall already) as the wall of ``zone`` shows it."""
    if instant.tzinfo is None:
        return instant
    return instant.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0)
