"""Visits of queues that began since a moment, by queue and channel. Pure; a change costs some dictionary steps."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from interaction_log.events import Channel, QueueResult
from interaction_log.metrics import BY_NAME, SERVICE_LEVEL_SECONDS, SHORT_ABANDON_SECONDS

Key = tuple[str, str, Channel]
"""PBX (empty: none), queue, channel."""
VisitId = tuple[str, int]
"""Interaction, number of the visit from 0 (``queue_visits.n``)."""
NOTHING: Final[Mapping[str, int]] = {}


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay in one queue as the log has it. ``wait``: seconds; ``later``: it went on to another queue; ``running``:
    the contact is open; ``promised``: a callback was promised in it."""

    key: Key
    entered_at: float
    result: QueueResult | None
    wait: float | None
    later: bool = False
    running: bool = True
    promised: bool = False


def outcome(visit: Visit) -> str:
    """Exactly one of ``metrics.OUTCOMES``, or ``unaccounted``: the same rule as ``store.reports_sql`` has in SQL."""
    result = visit.result
    if result == "answered":
        return "answered"
    if result is None:
        return "waiting" if visit.running and not visit.later else "unaccounted"
    if result not in ("abandoned", "pbx_lost") and visit.later:
        return "overflowed"
    if result != "pbx_lost" and visit.promised:
        return "callback"
    if result == "abandoned":
        return "abandoned_short" if visit.wait is not None and visit.wait < SHORT_ABANDON_SECONDS else "abandoned"
    return {"timeout": "timed_out", "no_agent": "no_agent", "left": "left"}.get(result, "lost")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a visit adds to the sums. ``in_time``: it was answered within the threshold of its queue."""

    key: Key
    entered_at: float
    outcome: str
    in_time: bool


def counted(visit: Visit, level: float = SERVICE_LEVEL_SECONDS) -> Counted:
    """``level``: the seconds within which its queue wants to answer."""
    kind = outcome(visit)
    in_time = kind == "answered" and visit.wait is not None and visit.wait <= level
    return Counted(visit.key, visit.entered_at, kind, in_time)


class Window:
    """Sums over the visits that began at ``floor`` (Unix seconds) or later; the floor only goes up."""

    def __init__(self, floor: float = float("-inf")) -> None:
        self.floor = floor
        self.sums: dict[Key, dict[str, int]] = {}
        self._counted: dict[VisitId, Counted] = {}
        self._oldest: list[tuple[float, VisitId]] = []

    def put(self, of: VisitId, one: Counted) -> None:
        """This visit is now so; it counts once, however often it is put."""
        before = self._counted.get(of)
        if before == one:
            return
        if before is not None:
            del self._counted[of]
            self._add(before, -1)
        if one.entered_at < self.floor:
            return
        self._counted[of] = one
        self._add(one, 1)
        if before is None or before.entered_at != one.entered_at:
            heapq.heappush(self._oldest, (one.entered_at, of))

    def advance(self, floor: float) -> list[VisitId]:
        """Forget what began before ``floor``, and say which visits that were."""
        gone: list[VisitId] = []
        self.floor = max(self.floor, floor)
        while self._oldest and self._oldest[0][0] < self.floor:
            entered_at, of = heapq.heappop(self._oldest)
            one = self._counted.get(of)
            if one is not None and one.entered_at == entered_at:
                del self._counted[of]
                self._add(one, -1)
                gone.append(of)
        return gone

    def since(self, floor: float) -> Window:
        """A window of its own that begins later; made anew, because a day may hold very many visits."""
        fresh = Window(floor)
        for of, one in self._counted.items():
            fresh.put(of, one)
        return fresh

    def __len__(self) -> int:
        return len(self._counted)

    def _add(self, one: Counted, by: int) -> None:
        sums = self.sums.setdefault(one.key, {})
        for name in ("offered", one.outcome, "answered_in") if one.in_time else ("offered", one.outcome):
            sums[name] = sums.get(name, 0) + by


def percent(name: str, sums: Mapping[str, int]) -> float | None:
    """``service_level`` or ``abandon_rate`` of these sums as reports compute it; ``None``: of nothing."""
    return BY_NAME[name].value(sums)
