"""Queue figures on screens: supervisors have all of them each second, each agent what changed in her queues.

Sending every figure to every agent each second was three quarters of all messages at 300 consoles, and a pop had to
wait behind them. So the agents are served in rounds of a bounded pace, each only with what she has not seen yet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agent_console.ports import Screens
from agent_console.wire import QueueView
from cti_gateway.timers import Timers

FIGURES_SECONDS: Final = 1.0
"""Figures are counted at most so often (wire.QueuesMessage)."""
GATHER_SECONDS: Final = 0.05
"""And so long after what changed them: mostly that is a call that joins, and what comes next is its ring."""
FIGURES: Final = "hub:queues"
ROUND: Final = "hub:queues-round"
AGENTS_IN_A_ROW: Final = 3
"""Agents that are served one after the other, with a look at the sockets after each: a ring waits for one of them."""
STEP_SECONDS: Final = 0.05
"""And then a pause: 60 agents a second, so 300 agents have their figures within five seconds, ten at once."""

Key = tuple[str, str]


def plain(queue: QueueView) -> QueueView:
    """A queue's figures without what supervisors alone are shown."""
    return {
        "pbx": queue["pbx"],
        "queue": queue["queue"],
        "label": queue["label"],
        "waiting": queue["waiting"],
        "longest_wait_since": queue["longest_wait_since"],
        "ready": queue["ready"],
        "busy": queue["busy"],
        "not_ready": queue["not_ready"],
    }


class Floor(Protocol):
    """What is shown: ``cti_gateway.windows.Windows``."""

    def queues(self) -> list[QueueView]:
        """The figures of all queues."""
        ...

    def queues_of(self, agent: str) -> list[str]:
        """The names of the queues that this agent serves."""
        ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an agent was told: all changes up to number ``change`` of the queues ``names`` (none: of every queue)."""

    change: int
    names: frozenset[str]


class QueueBoard:
    """Who is told which figures, and when. Everything runs on the event loop."""

    def __init__(
        self,
        floor: Floor,
        screens: Callable[[], Screens],
        timers: Timers,
        counted: Callable[[Sequence[QueueView]], None] = lambda views: None,
    ) -> None:
        """``counted`` is told of all figures whenever they were counted."""
        self._floor, self._screens, self._timers, self._counted = floor, screens, timers, counted
        self._all: Sequence[QueueView] = ()
        """As supervisors were shown them last."""
        self._views: dict[Key, QueueView] = {}
        self._changed: dict[Key, int] = {}
        """The number of each queue's last change."""
        self._change = 0
        self._seen: dict[str, _Seen] = {}
        """By agent; as many as there are users."""
        self._snapshots: set[str | None] = set()
        """Who got one since the last count."""
        self._round: deque[str] = deque()
        self._again = False
        self._served = 0
        self._counted_at = float("-inf")
        self._due = False

    @property
    def views(self) -> list[QueueView]:
        """What was counted last; not a second old while anything changes."""
        return list(self._views.values())

    def changed(self, _: object = None) -> None:
        """Some figure may have changed: count soon, not twice within a second, and not in the way of a ring."""
        if not self._due:
            self._due = True
            wait = FIGURES_SECONDS - (asyncio.get_running_loop().time() - self._counted_at)
            self._timers.start(FIGURES, max(GATHER_SECONDS, wait))

    def shown(self, agent: str | None) -> None:
        """A snapshot with figures of this moment went to an agent, or (``None``) to a supervisor. They may have gone
        back since to what was counted before, so all of them are told once more."""
        self._snapshots.add(agent)
        self._seen.pop(agent or "", None)
        self.changed()

    def fired(self, key: str) -> bool:
        """A timer ran out; whether it was one of the board's."""
        if key == FIGURES:
            self._count()
        elif key == ROUND:
            self._step()
        return key in (FIGURES, ROUND)

    def _count(self) -> None:
        self._counted_at, self._due = asyncio.get_running_loop().time(), False
        views = self._floor.queues()
        new, self._all = views != self._all, views
        changed, snapshots, self._snapshots = self._take([plain(view) for view in views]), self._snapshots, set()
        if new or None in snapshots:
            self._screens().publish_supervisors("queues", {"queues": views})
        if changed or snapshots:
            self._begin_round()
        self._counted(views)

    def _take(self, views: list[QueueView]) -> bool:
        found = {(view["pbx"], view["queue"]): view for view in views}
        changed = [key for key, view in found.items() if self._views.get(key) != view]
        gone = self._views.keys() - found.keys()
        self._change += 1
        self._changed = {key: number for key, number in self._changed.items() if key in found}
        self._changed |= dict.fromkeys(changed, self._change)
        self._views = found
        return bool(changed or gone)

    def _begin_round(self) -> None:
        """Agents who were served already in a round that still runs are served again after it."""
        self._again = bool(self._round)
        if not self._round:
            self._round.extend(self._screens().audience())
            self._step()

    def _step(self) -> None:
        if self._round:
            self._tell(self._round.popleft())
            self._served += 1
        if not self._round and self._again:
            self._again = False
            self._round.extend(self._screens().audience())
        if self._round:
            self._timers.start(ROUND, STEP_SECONDS if self._served % AGENTS_IN_A_ROW == 0 else 0.0)

    def _tell(self, agent: str) -> None:
        names = frozenset(self._floor.queues_of(agent))
        seen = self._seen.get(agent)
        self._seen[agent] = _Seen(self._change, names)
        new = [view for key, view in self._views.items() if self._concerns(key, names) and self._is_new(key, seen)]
        if new:
            self._screens().publish(agent, "queues", {"queues": new})

    @staticmethod
    def _concerns(key: Key, names: frozenset[str]) -> bool:
        return not names or key[1] in names

    def _is_new(self, key: Key, seen: _Seen | None) -> bool:
        if seen is None or not self._concerns(key, seen.names):
            return True
        return self._changed[key] > seen.change
