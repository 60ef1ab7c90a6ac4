"""The periods of reports: where a step of a quarter of an hour, a day or a month begins in a time zone. Pure.

A period is a half-open stretch of Unix seconds between two edges. Days are those of the clock on the wall: the one on
which the clocks go forward has 23 hours, the one on which they go back 25, and each second is in exactly one period.
Zones are those of the IANA database (``zoneinfo``, with ``tzdata`` where the system has none); since 1972 all of them
differ from UTC by whole quarters of an hour, which is the smallest step.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Step = Literal["15min", "30min", "hour", "day", "week", "month", "whole"]
STEPS: Final[tuple[Step, ...]] = ("15min", "30min", "hour", "day", "week", "month", "whole")
QUARTER: Final = 900
MOST_PERIODS: Final = 3_000
"""More rows than that nobody reads; a month of quarters of an hour has 2,976."""
_MINUTES: Final[dict[str, int]] = {"15min": 15, "30min": 30, "hour": 60}
_LAST: Final = 32_000_000_000.0  # the year 2984: what follows is no time that somebody means


@dataclass(frozen=True, slots=True)
class Periods:
    """``edges``: whole Unix seconds, ascending; period ``n`` is ``edges[n]`` ≤ t < ``edges[n + 1]``."""

    edges: tuple[int, ...]
    zone: str
    step: Step

    @property
    def start(self) -> int:
        """Where the first begins."""
        return self.edges[0]

    @property
    def end(self) -> int:
        """Where the last ends."""
        return self.edges[-1]

    def runs(self) -> list[tuple[int, int, int]]:
        """Periods of equal length in a row: where the first begins, the length, the first's number.

        So that SQL can say in which period a moment is: a month of days is one run, or three with a change of clocks.
        """
        found: list[tuple[int, int, int]] = []
        for n in range(len(self)):
            length = self.edges[n + 1] - self.edges[n]
            if not found or found[-1][1] != length:
                found.append((self.edges[n], length, n))
        return found

    def number(self, at: float) -> int:
        """In which period a moment is; only for ``start`` ≤ at < ``end``."""
        return bisect_right(self.edges, at) - 1

    def __len__(self) -> int:
        return len(self.edges) - 1

    def label(self, n: int) -> str:
        """When period ``n`` begins, as RFC 3339 with the offset of its place: the hour that comes twice has two."""
        return datetime.fromtimestamp(self.edges[n], ZoneInfo(self.zone)).isoformat()


def known_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; raises ``ValueError`` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no known time zone") from None


def periods(start: float, end: float, step: Step, zone: str) -> Periods:
    """The periods that cover ``start`` ≤ t < ``end`` (Unix seconds), each whole.

    Raises ``ValueError`` for an unknown zone, an end that is not after the start, and more than ``MOST_PERIODS``.
    """
    place = known_zone(zone)
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end <= _LAST):
        raise ValueError("the end must be after the start")
    if step == "whole":
        edges = [_day(start, place, 0), _ceiling(end, place)]  # one period of whole days
    elif step in _MINUTES:
        edges = _short(start, end, _MINUTES[step], place)
    else:
        edges = _long(start, end, step, place)
    if len(edges) - 1 > MOST_PERIODS:
        raise ValueError(f"more than {MOST_PERIODS} periods")
    return Periods(tuple(edges), zone, step)


def midnight(day: date, zone: ZoneInfo) -> int:
    """When a local day begins: where clocks skip midnight, at the skip; where midnight comes twice, at the first."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _local(at: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at, zone).date()


def _day(at: float, zone: ZoneInfo, plus: int) -> int:
    return midnight(_local(at, zone) + timedelta(days=plus), zone)


def _ceiling(at: float, zone: ZoneInfo) -> int:
    floor = _day(at, zone, 0)
    return floor if floor == at else _day(at, zone, 1)


def _short(start: float, end: float, minutes: int, zone: ZoneInfo) -> list[int]:
    """Edges at whole steps of the local clock, and wherever the clock is moved."""
    if (end - start) / (60 * minutes) > MOST_PERIODS + 1:
        raise ValueError(f"more than {MOST_PERIODS} periods")
    first = int(start // QUARTER) * QUARTER
    while not _is_edge(first, minutes, zone):
        first -= QUARTER
    edges = [first]
    at = first
    while at < end:
        at += QUARTER
        if _is_edge(at, minutes, zone):
            edges.append(at)
            if at >= end:
                break
    while not _is_edge(at, minutes, zone):
        at += QUARTER
    return edges if edges[-1] == at else [*edges, at]


def _is_edge(at: int, minutes: int, zone: ZoneInfo) -> bool:
    local = datetime.fromtimestamp(at, zone)
    if (local.hour * 60 + local.minute) % minutes == 0:
        return True
    return local.utcoffset() != datetime.fromtimestamp(at - QUARTER, zone).utcoffset()


def _long(start: float, end: float, step: Step, zone: ZoneInfo) -> list[int]:
    day = _first_of(_local(start, zone), step)
    edges = [midnight(day, zone)]
    while edges[-1] < end:
        day = _next(day, step)
        edges.append(midnight(day, zone))
        if len(edges) > MOST_PERIODS + 2:
            break
    return edges


def _first_of(day: date, step: Step) -> date:
    """A week begins on Monday (ISO 8601)."""
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def _next(day: date, step: Step) -> date:
    if step == "month":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if step == "week" else 1)


def moment(text: str, zone: str) -> float:
    """Unix seconds of ``2026-11-01`` (the beginning of that day in the zone) or of an RFC 3339 time.

    Raises ``ValueError`` for anything else.
    """
    place = known_zone(zone)
    if len(text) == len("2026-11-01"):
        return float(midnight(date.fromisoformat(text), place))
    at = datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
    if at.tzinfo is None:
        raise ValueError("is no RFC 3339 time")
    return at.astimezone(UTC).timestamp()
