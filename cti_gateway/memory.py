"""When Python looks for garbage: at little at a time, by the clock.

Python counts: a thousand new containers more than went, and all that came since the last look are looked at. In a
server whose connections replace what they wait for, as much goes as comes: with 5,000 visitors thirteen thousand came
until a thousand more had come than went, and six such looks later ninety thousand were looked at in one stop of 80 ms
(measured; 4 % of the time). A look each few hundredths of a second sees the few that came in between.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import time
from typing import Final

SELDOM: Final = (20_000, 5, 1_000)
"""Thresholds at the start: each 20,000 new containers that are kept, not 700."""
BY_COUNT: Final = (20_000, 5, 5_000)
"""Afterwards, for what one step makes between two looks by the clock."""
LOOK_SECONDS: Final = 0.0005
"""What a look may take: less than the stops that a commit makes, far less than a person notices."""
_SOONEST, _LATEST = 0.01, 0.5
"""Seconds between two looks; the sooner, the more there was to look at."""
GROWN: Final = 1.25
"""All are looked at when the process has so many times the memory of the last time: most of what is that old stays."""
FULL_SECONDS: Final = 600.0
"""And no sooner than this after the last time: with 5,000 visitors it stops everything for half a second."""


def expect_growth() -> None:
    """What a start imports and makes stays: looking for garbage in it, again and again, took a sixth of its time."""
    gc.set_threshold(*SELDOM)


def spare_collections() -> None:
    """What is there now stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*BY_COUNT)


class Looks:
    """Looks for garbage on this loop from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._pause = _LATEST
        self._next: asyncio.TimerHandle | None = None
        self._full_at = time.monotonic()
        self._peak = peak_kilobytes()

    def start(self) -> None:
        """Begin."""
        self._next = asyncio.get_running_loop().call_later(self._pause, self._look)

    async def stop(self) -> None:
        """No look after this."""
        if self._next is not None:
            self._next.cancel()

    def _look(self) -> None:
        began = time.monotonic()
        if began - self._full_at > FULL_SECONDS and peak_kilobytes() > self._peak * GROWN:
            gc.collect()
            self._full_at, self._peak = time.monotonic(), peak_kilobytes()
        else:
            gc.collect(1)
            self._pause = paced(self._pause, time.monotonic() - began)
        self.start()


def paced(pause: float, took: float) -> float:
    """Seconds until the next look, after one that came ``pause`` seconds after another and took so many."""
    return min(_LATEST, max(_SOONEST, pause * min(2.0, LOOK_SECONDS / max(took, 1e-6))))


def peak_kilobytes() -> int:
    """The most memory that the process ever had: Linux counts KB (``getrusage(2)``)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
