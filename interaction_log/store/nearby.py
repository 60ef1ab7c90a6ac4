"""The look-up of a caller in the loop's own thread, as long as the database is near: SQLite, and quick.

It computes some 50 µs. A thread beside the loop needs the interpreter to begin and to end with it, and gets it when
the loop has nothing else to do: one pop in fifteen waited for that, for up to 3 ms (ADR 9). What speaks against the
loop's thread is a disk that does not answer; so an answer that took ``SLOW_SECONDS`` is the last one here for
``REST_SECONDS``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from interaction_log.store.direct import connected, drop

_T = TypeVar("_T")
SLOW_SECONDS: Final = 0.02
"""A pop may take 50 ms (DESIGN 2); a busy processor alone makes 5 ms of 0.05."""
REST_SECONDS: Final = 60.0
"""So that a slow disk stops the loop once a minute."""
_log: Final = logging.getLogger(__name__)


class Nearby:
    """One connection of the loop's. ``clock``: seconds, monotonic."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._connection: Any = None
        self._not_before = 0.0 if engine.dialect.name == "sqlite" else float("inf")

    def ask(self, work: Callable[[Any], _T]) -> _T | None:
        """What ``work(connection)`` says; ``None``: ask elsewhere, where waiting costs nothing."""
        if self._clock() < self._not_before:
            return None
        try:
            self._connection = self._connection or connected(self._engine)
            began = self._clock()  # opening it reads the schema, once
            found = work(self._connection)
        except Exception as error:  # whoever asks elsewhere hears of it there
            self._rest(f"failed ({type(error).__name__})")
            return None
        if self._clock() - began > SLOW_SECONDS:
            self._rest("was slow")
        return found

    def _rest(self, what: str) -> None:
        _log.warning("a look-up %s: for %g s callers are looked up beside the loop", what, REST_SECONDS)
        self._not_before = self._clock() + REST_SECONDS
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        drop(self._connection)
        self._connection = None
