"""When a visitor may wish to be called: only while somebody of the queue calls. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from routing.hours import Hours
from webchat.wire import CallTime

HOUR: Final = 3_600
LONGEST_HOURS: Final = 3
"""So long is a time that is offered."""
MOST: Final = 12
"""So many are offered."""
DAYS: Final = 14
"""So far ahead is looked: a long holiday, and a day after it."""


def call_times(hours: Hours, now: float) -> list[CallTime]:
    """The next times of up to three hours, each within the hours; Unix seconds, in order. Empty: closed for long."""
    found: list[CallTime] = []
    for hour in _open_hours(hours, now):
        last = found[-1] if found else None
        if last is not None and last["to"] == hour and hour - last["from"] < LONGEST_HOURS * HOUR:
            last["to"] = hour + HOUR
        elif len(found) == MOST:
            break
        else:
            found.append({"from": hour, "to": hour + HOUR})
    return found


def is_called_in(hours: Hours, since: float, until: float) -> bool:
    """Whether somebody calls at any moment between these Unix seconds."""
    opens = hours.next_opening(since)
    return opens is not None and opens < until


def _open_hours(hours: Hours, now: float) -> Iterator[float]:
    """Beginnings of full hours on the wall in which it is open from the first minute to the last."""
    wall = datetime.fromtimestamp(now, hours.zone)
    begin = now - (wall.minute * 60 + wall.second + wall.microsecond / 1e6)
    for number in range(1, DAYS * 24):
        at = float(round(begin)) + number * HOUR
        if hours.is_open(at) and hours.is_open(at + HOUR - 60):
            yield at
