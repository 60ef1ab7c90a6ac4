"""Business time for due times of cases: the hours in which somebody is there, added up. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from routing.hours import Hours


class CalendarTime:
    """``interaction_log.cases.WorkingTime`` over named hours. Without a name the first of them count; without any,
    or in hours that never open, the clock does not stop."""

    def __init__(self, calendars: Mapping[str, Hours]):
        self._calendars = dict(calendars)

    @property
    def names(self) -> list[str]:
        """The names of the hours."""
        return list(self._calendars)

    def after(self, calendar: str | None, start: float, seconds: float) -> float:
        """The moment at which ``seconds`` of working time have gone by since ``start`` (Unix seconds)."""
        hours = self._hours(calendar)
        left, last = seconds, start
        if hours is None or seconds <= 0:
            return start + seconds
        for begin, end in _open(hours, start):
            if end is None or left <= end - begin:
                return begin + left
            left, last = left - (end - begin), end
        return last + left

    def between(self, calendar: str | None, start: float, end: float) -> float:
        """The seconds of working time from ``start`` to ``end``; 0 if ``end`` is earlier."""
        hours = self._hours(calendar)
        if hours is None:
            return max(0.0, end - start)
        total = 0.0
        for begin, until in _open(hours, start):
            if begin >= end:
                break
            total += min(end, until if until is not None else end) - begin
        return total

    def _hours(self, calendar: str | None) -> Hours | None:
        if calendar is not None and calendar in self._calendars:
            return self._calendars[calendar]
        return next(iter(self._calendars.values()), None)


def _open(hours: Hours, start: float) -> Iterator[tuple[float, float | None]]:
    """The stretches in which it is open, from ``start`` on; an end of ``None``: it does not close within a year."""
    at: float | None = start
    while at is not None:
        begin = hours.next_opening(at)
        if begin is None:
            return
        end = hours.next_change(begin)
        yield begin, end
        at = end
