"""A process beside the program stands in the program's own line for SQLite's write lock (``turns``).

SQLite has no queue of writers: a process that waits for another one's lock looks again now and then, and the longer it
waits the more seldom it looks. So an import asks the program for its turn, by a byte on a pipe, and gives it back by
another: the log's writer that came meanwhile is next, at once. Who dies gives its turn back by the pipe's end.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Final

from interaction_log.store.turns import Turn

_ASK, _HAVE, _BACK = b"a", b"h", b"b"
_SECONDS: Final = 1.0
"""So long a turn is waited for; then SQLite's lock decides."""


class Lending:
    """In the program: the line is ``turn``. ``theirs`` are the ends for the other process (read, write)."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._asked, asks = os.pipe()
        gets, self._gives = os.pipe()
        self.theirs = (gets, asks)

    def start(self) -> None:
        """Once the other process has its ends: lend, until it closes them or ends."""
        for one in self.theirs:
            os.close(one)
        threading.Thread(target=self._lend, name="lent-turns", daemon=True).start()

    def _lend(self) -> None:
        had = False
        try:
            while word := os.read(self._asked, 1):
                if had:
                    self._turn.give()
                had = word == _ASK and self._turn.take(_SECONDS)
                if word == _ASK:
                    os.write(self._gives, _HAVE)
        except OSError:  # it ended while it was told
            pass
        finally:
            if had:
                self._turn.give()
            os.close(self._asked)
            os.close(self._gives)


class Lent(Turn):
    """In the other process: the turn that the program lends. ``gets`` and ``asks``: ``Lending.theirs``."""

    def __init__(self, gets: int, asks: int) -> None:
        super().__init__()
        self._gets, self._asks = gets, asks

    def take(self, seconds: float) -> bool:
        """Ask and wait; ``False``: the program is gone. How long is for the program to say."""
        try:
            os.write(self._asks, _ASK)
            return os.read(self._gets, 1) == _HAVE
        except OSError:
            return False

    def give(self) -> None:
        """Let the next one have it."""
        with contextlib.suppress(OSError):
            os.write(self._asks, _BACK)
