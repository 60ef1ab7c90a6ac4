"""How much at once: SQLite has one writer, and the log must go on while many rows are written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

HOLD_SECONDS: Final = 0.12
"""How long a transaction shall take. Nobody waits for the log to see a call; it waits up to 0.5 s for its turn."""
LEAST: Final = 10
MOST: Final = 2_000
REST_SHARE: Final = 0.25
"""Of the time that a transaction took, for the others to have their turn. SQLite has no queue of who waits: a writer
that comes back at once keeps those out who look again after some milliseconds only."""
LEAST_REST: Final = 0.015
MOST_REST: Final = 0.025
"""SQLite's waiting writer looks again after 25 ms at the latest, in the first 150 ms of its waiting."""


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
            self._sleep(max(LEAST_REST, min(MOST_REST, seconds * REST_SHARE)))
