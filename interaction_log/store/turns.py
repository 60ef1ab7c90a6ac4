"""Whose turn it is to write to SQLite, inside one process.

SQLite has one writer and makes the others poll for its lock, so a thread that commits again and again can keep one out
that looks now and then. Here they stand in line: who asked first writes next. PostgreSQL needs none of it.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator

import sqlalchemy as sa


class Turn:
    """A lock that is given in the order in which it was asked for."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def take(self, seconds: float) -> bool:
        """Wait for it so long at most; ``False``: not had."""
        with self._mutex:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=seconds):
            return True
        with self._mutex:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # it was handed over in this very moment

    def give(self) -> None:
        """Let the next one have it."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    @contextlib.contextmanager
    def __call__(self, seconds: float) -> Iterator[None]:
        """Have it, or after so many seconds go on without it: then SQLite's own lock decides."""
        had = self.take(seconds)
        try:
            yield
        finally:
            if had:
                self.give()


class NoTurn(Turn):
    """Where everybody may write at once."""

    def take(self, seconds: float) -> bool:
        """At once, and nothing is had."""
        return False


_turns: dict[str, Turn] = {}
_making = threading.Lock()
NOBODYS = NoTurn()


def turn_of(engine: sa.Engine) -> Turn:
    """The line of this database, one for all engines of this process."""
    if engine.dialect.name != "sqlite":
        return NOBODYS
    with _making:
        return _turns.setdefault(str(engine.url.database), Turn())
