"""How much at once: SQLite has one writer, and the log must go on while many rows are written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

HOLD_SECONDS: Final = 0.06
"""How long a transaction shall take, its commit included."""
LEAST: Final = 10
MOST: Final = 2_000
_TURNS: Final = ((0.08, 0.026), (0.12, 0.05), (float("inf"), 0.11))
"""After a transaction of up to so many seconds, the rest that gives everybody who waited for it a turn. SQLite has no
queue of writers: who waits looks again after 1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100, 100 … ms, so the longer he
waits the more seldom he looks, and a writer that comes back before he does keeps him out. On a machine that has much
else to do transactions take longer than they should, and we give way."""


class Pace:
    """``rows``: for the next transaction. ``gentle``: others wait for our lock (SQLite)."""

    def __init__(self, gentle: bool, sleep: Callable[[float], None] = time.sleep):
        self.rows = 100
        self.longest = 0.0
        self._gentle = gentle
        self._sleep = sleep

    def took(self, seconds: float, rows: int) -> None:
        """Call after each transaction, with the seconds in which it held its lock; rests."""
        self.longest = max(self.longest, seconds)
        if rows and seconds > 0:
            wanted = int(rows * HOLD_SECONDS / seconds)
            self.rows = max(LEAST, min(MOST, wanted, self.rows * 2))
        if self._gentle:
            self._sleep(rest(seconds))


def rest(seconds: float) -> float:
    """How long to leave the lock alone after a transaction of so many seconds."""
    return next(pause for most, pause in _TURNS if seconds <= most)
