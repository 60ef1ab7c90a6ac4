"""Live counters of queues and channels: who waits, who is served, what became of today's contacts. Pure, incremental.

They are counted from the same interactions that the log's projections are made of, by the same rules as reports, so
that at any moment they equal what a report over the log says (``tests/property/test_live.py``). Time is an argument.
A visit counts when its waiting began: today (the site's midnight), in the last 30 minutes, in the last 60 minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from interaction_log.interaction import Interaction
from interaction_log.metrics import SERVICE_LEVEL_SECONDS, added
from interaction_log.periods import midnight
from routing.live_window import NOTHING, Key, Visit, VisitId, Window, counted

HALF_HOUR: Final = 1_800.0
HOUR: Final = 3_600.0
AT_ONCE: Final = 200
"""Interactions that a step of a new threshold counts anew: under 2 ms."""


@dataclass(slots=True)
class ChannelFigures:
    """One channel of one queue now. ``longest_wait_since``: Unix seconds; ``talking``: contacts with an agent;
    ``today``, ``hour``, ``half_hour``: sums by outcome (``metrics.OUTCOMES``, ``offered``, ``answered_in``)."""

    waiting: int = 0
    longest_wait_since: float | None = None
    talking: int = 0
    today: Mapping[str, int] = field(default_factory=dict)
    hour: Mapping[str, int] = field(default_factory=dict)
    half_hour: Mapping[str, int] = field(default_factory=dict)


class LiveCounts:
    """Tell it of each interaction that changed; ask it for figures. It counts when it is asked: between two looks a
    call changes a dozen times, and only how it is then counts.

    ``level`` gives the seconds of the service level of a queue (PBX, name). A clock that is set back over midnight
    does not bring yesterday back.
    """

    def __init__(self, zone: str, level: Callable[[str, str], float] = lambda pbx, queue: SERVICE_LEVEL_SECONDS):
        self.zone = ZoneInfo(zone)
        self._level = level
        self._today, self._hour, self._half = Window(), Window(), Window()
        self._midnight = float("-inf")
        self._visits: dict[str, tuple[Visit, ...]] = {}
        self._promised: set[str] = set()
        self._tomorrow = float("-inf")
        self._waiting: dict[Key, dict[str, float | None]] = {}
        self._talking: dict[Key, dict[str, float | None]] = {}
        self._place: dict[str, tuple[Literal["waiting", "talking"], Key]] = {}
        self._pending: dict[str, Interaction] = {}
        """What changed and is not counted yet."""
        self._now = float("-inf")

    # --- what happens ----------------------------------------------------------------------------------

    def changed(self, one: Interaction, now: float) -> bool:
        """This interaction is other than it was; whether a figure of a queue may have changed."""
        if not one.queue_visits:
            return False
        self._pending[one.id] = one
        self._now = now
        return True

    def _settle(self) -> None:
        """Count what changed."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        self._advance(self._now)
        for one in pending.values():
            visits = visits_of(one, one.id in self._promised)
            self._put_in_place(one)
            if visits != self._visits.get(one.id):
                self._count(one.id, visits)

    def promised(self, interaction_id: str, now: float) -> None:
        """A callback was promised in this contact."""
        self.advance(now)
        self._promised.add(interaction_id)
        visits = self._visits.get(interaction_id)
        if visits is not None:
            self._count(interaction_id, tuple(_promised(visit) for visit in visits))

    def restore(self, visits: Mapping[str, tuple[Visit, ...]], now: float) -> None:
        """Visits by interaction out of the log, before anything happens: today's and those of the last hour."""
        self.advance(now)
        for of, those in visits.items():
            if any(visit.promised for visit in those):
                self._promised.add(of)
            self._count(of, those)

    def relevel(self, pbx: str, queue: str) -> Iterator[None]:
        """The threshold of this queue is another now: its visits are counted anew, some at each step."""
        self._settle()
        for n, of in enumerate(list(self._visits)):
            visits = self._visits.get(of, ())
            if any(visit.key[:2] == (pbx, queue) for visit in visits):
                self._count(of, visits)
            if n % AT_ONCE == AT_ONCE - 1:
                yield

    def _count(self, of: str, visits: tuple[Visit, ...]) -> None:
        self._visits[of] = visits
        kept = False
        for n, visit in enumerate(visits):
            one = counted(visit, self._level(*visit.key[:2]))
            for window in (self._today, self._hour, self._half):
                window.put((of, n), one)
            kept = kept or visit.entered_at >= self._oldest()
        if not kept:
            del self._visits[of]

    def _put_in_place(self, one: Interaction) -> None:
        """Where a contact is now: waiting in a queue, with an agent of a queue, or neither."""
        visit = one.queue_visits[-1]
        before, after = self._place.pop(one.id, None), self._place_of(one)
        if before is not None and before != after:
            self._at(before[0]).get(before[1], {}).pop(one.id, None)
        if after is not None:
            self._place[one.id] = after
            self._at(after[0]).setdefault(after[1], {})[one.id] = visit.entered_at

    def _place_of(self, one: Interaction) -> tuple[Literal["waiting", "talking"], Key] | None:
        visit = one.queue_visits[-1]
        key: Key = (one.pbx, visit.queue, one.channel)
        if one.ended:
            return None
        if visit.result is None:
            return ("waiting", key)
        served = visit.result == "answered" and any(segment.open for segment in one.segments)
        return ("talking", key) if served else None

    def _at(self, place: Literal["waiting", "talking"]) -> dict[Key, dict[str, float | None]]:
        return self._waiting if place == "waiting" else self._talking

    # --- time --------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Let what is too old go; at the site's midnight begin a new day."""
        self._settle()
        self._advance(now)

    def _advance(self, now: float) -> None:
        self._half.advance(now - HALF_HOUR)
        gone = self._hour.advance(now - HOUR)
        if now >= self._tomorrow:
            day = datetime.fromtimestamp(now, self.zone).date()
            self._midnight = float(midnight(day, self.zone))
            self._tomorrow = float(midnight(day + timedelta(days=1), self.zone))
            self._today = self._hour.since(self._midnight)
            self._forget_yesterday()
        for of, _ in gone:
            self._forget(of)

    def _oldest(self) -> float:
        """What began earlier is in no window."""
        return min(self._midnight, self._hour.floor)

    def _forget(self, of: str) -> None:
        if all(visit.entered_at < self._oldest() for visit in self._visits.get(of, ())):
            self._visits.pop(of, None)
            self._promised.discard(of)

    def _forget_yesterday(self) -> None:
        oldest = self._oldest()
        self._visits = {
            of: visits for of, visits in self._visits.items() if any(visit.entered_at >= oldest for visit in visits)
        }
        self._promised &= self._visits.keys()

    # --- figures -----------------------------------------------------------------------------------------

    @property
    def day_began(self) -> float:
        """The site's last midnight that we know of (Unix seconds)."""
        return self._midnight

    def known(self) -> set[Key]:
        """All queues and channels that have a figure."""
        self._settle()
        return {*self._waiting, *self._talking, *self._today.sums, *self._hour.sums}

    def figures(self, key: Key) -> ChannelFigures:
        """Those of one queue and channel, as of the last :meth:`advance`."""
        self._settle()
        waiting = self._waiting.get(key, {})
        return ChannelFigures(
            waiting=len(waiting),
            longest_wait_since=min((since for since in waiting.values() if since is not None), default=None),
            talking=len(self._talking.get(key, {})),
            today=self._today.sums.get(key, NOTHING),
            hour=self._hour.sums.get(key, NOTHING),
            half_hour=self._half.sums.get(key, NOTHING),
        )

    def waiting(self) -> int:
        """Contacts that wait anywhere."""
        self._settle()
        return sum(map(len, self._waiting.values()))

    def __len__(self) -> int:
        self._settle()
        return len(self._visits)


def visits_of(one: Interaction, promised: bool = False) -> tuple[Visit, ...]:
    """The visits of an interaction; those without a time (a recording without timestamps) are left out."""
    last = len(one.queue_visits) - 1
    found = []
    for n, visit in enumerate(one.queue_visits):
        key: Key = (one.pbx, visit.queue, one.channel)
        at = visit.entered_at if visit.entered_at is not None else float("-inf")
        found.append(Visit(key, at, visit.result, visit.seconds, n < last, not one.ended, promised))
    return tuple(found)


def _promised(visit: Visit) -> Visit:
    return Visit(visit.key, visit.entered_at, visit.result, visit.wait, visit.later, visit.running, True)


def together(many: Iterable[ChannelFigures]) -> ChannelFigures:
    """Several channels or queues as one."""
    each = list(many)
    since = [one.longest_wait_since for one in each if one.longest_wait_since is not None]
    return ChannelFigures(
        waiting=sum(one.waiting for one in each),
        longest_wait_since=min(since, default=None),
        talking=sum(one.talking for one in each),
        today=added(one.today for one in each),
        hour=added(one.hour for one in each),
        half_hour=added(one.half_hour for one in each),
    )


__all__ = ["ChannelFigures", "Key", "LiveCounts", "Visit", "VisitId", "together", "visits_of"]
