"""Time for the simulator: the event loop's, or a virtual one that a test runs through in no time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Let it not happen."""
        ...


class Clock(Protocol):
    """What the simulator asks of time."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    def later(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Do it in so many seconds."""
        ...


class LoopClock:
    """The running event loop's time."""

    def now(self) -> float:
        """Seconds since 1970 by the machine's clock."""
        return time.time()

    def later(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Do it in so many seconds (monotonic)."""
        return asyncio.get_running_loop().call_later(seconds, call)


class _Entry:
    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class VirtualClock:
    """Time that stands still until `run` moves it from one timer to the next."""

    def __init__(self, start: float = 1_795_293_080.0) -> None:
        self._now = start
        self._timers: list[tuple[float, int, _Entry]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now

    def later(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Do it when `run` has come so far."""
        entry = _Entry(call)
        heapq.heappush(self._timers, (self._now + seconds, next(self._order), entry))
        return entry

    def run(self, seconds: float) -> None:
        """Let so much time go by, and all that happens in it."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            at, _, entry = heapq.heappop(self._timers)
            self._now = max(self._now, at)
            if entry.call is not None:
                entry.call()
        self._now = end
