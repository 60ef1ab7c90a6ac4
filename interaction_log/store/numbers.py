"""Event numbers: reserved on disk before they are given out, so that a crash skips some and reuses none.

A block is a million numbers: with its half as reserve, a database that is away does not exhaust it before the
journal is full. Should it happen all the same, the journal's header takes the reservation.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.journal import Journal
from interaction_log.store.schema import SEQ_RESERVED, events, meta

BLOCK: Final = 1_000_000  # 9e15 numbers fit a JavaScript integer: nine thousand million crashes


class Numbers:
    """Gives numbers out in the loop's thread; the writer's thread reserves them."""

    def __init__(self, journal: Journal):
        self._journal = journal
        self._next = 1
        self._limit = 0  # the highest number that is reserved on disk

    def start(self, connection: sa.Connection) -> None:
        """Begin above everything that was ever reserved or written, with a new block."""
        reserved = connection.execute(sa.select(meta.c.value).where(meta.c.key == SEQ_RESERVED)).scalar()
        written = connection.execute(sa.select(sa.func.max(events.c.seq))).scalar()
        self._next = max(reserved or 0, written or 0, self._journal.reserved) + 1
        if reserved is None:
            connection.execute(sa.insert(meta).values(key=SEQ_RESERVED, value=0))
        self._limit = self._next + BLOCK - 1
        store(connection, self._limit)

    def take(self) -> int:
        """The next number. One thread only."""
        number = self._next
        if number > self._limit:
            self._journal.reserve(number + BLOCK)
            self._limit = self._journal.reserved
        self._next = number + 1
        return number

    @property
    def last(self) -> int:
        """The highest number given out."""
        return self._next - 1

    def wanted(self) -> int | None:
        """The limit to reserve now, if half of the block is used."""
        return self._limit + BLOCK if self._limit - self._next < BLOCK // 2 else None

    def extend(self, limit: int) -> None:
        """The reservation up to ``limit`` is committed."""
        self._limit = max(self._limit, limit)


def store(connection: sa.Connection, limit: int) -> None:
    """Write the reservation; counts once the transaction is committed."""
    connection.execute(sa.update(meta).where(meta.c.key == SEQ_RESERVED).values(value=limit))
