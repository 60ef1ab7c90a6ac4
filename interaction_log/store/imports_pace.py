"""How much at once: SQLite has one writer, and the log must go on while many rows are written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

HOLD_SECONDS: Final = 0.012
"""How long a transaction shall take, its commit included: so long the log waits at most."""
LEAST: Final = 40
"""Fewer save no time: a transaction costs some milliseconds even without rows."""
MOST: Final = 2_000
_TURNS: Final = ((0.017, 0.012), (0.08, 0.026), (0.12, 0.05), (float("inf"), 0.11))
"""After a transaction of up to so many seconds, the rest that gives everybody who waited for it a turn, where nobody
lends us one (``imports_turns``). SQLite has no queue of writers: who waits looks again after 1, 2, 5, 10, 15, 20, 25,
25, 25, 50, 50, 100, 100 … ms, so the longer he waits the more seldom he looks, and a writer that comes back before he
does keeps him out. On a machine that has much else to do transactions take longer than they should, and we give way."""


class Pace:
    """``rows``: for the next transaction. ``rests``: others look for our lock now and then (SQLite, no line)."""

    def __init__(
        self,
        rests: bool,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.rows = 50
        self.longest = 0.0
        self._rests = rests
        self._sleep = sleep
        self._clock = clock
        self._free = 0.0

    def wait(self) -> None:
        """Call before each transaction: until others had their time; what was prepared meanwhile counts."""
        left = self._free - self._clock()
        if self._rests and left > 0:
            self._sleep(left)

    def took(self, seconds: float, rows: int) -> None:
        """Call after each transaction, with the seconds in which it held its lock."""
        self.longest = max(self.longest, seconds)
        self._free = self._clock() + rest(seconds)
        if rows and seconds > 0:
            wanted = int(rows * HOLD_SECONDS / seconds)
            self.rows = max(LEAST, min(MOST, wanted, self.rows * 2))


def rest(seconds: float) -> float:
    """How long to leave the lock alone after a transaction of so many seconds."""
    return next(pause for most, pause in _TURNS if seconds <= most)
