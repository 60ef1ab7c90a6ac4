"""Queries away from the event loop: a few threads, each with a connection of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import sqlalchemy as sa

from interaction_log.precedence import beside
from interaction_log.store.direct import Direct
from interaction_log.store.engine import open_engine
from interaction_log.store.nearby import Nearby

_T = TypeVar("_T")
THREADS: Final = 4
FRESH_SECONDS: Final = 1.0
"""So long at most a reader waits for the log: what is not there then is not worth waiting for, and will come."""


class Reading:
    """``await reading(work)`` runs ``work(connection)`` in a reader's thread, in a transaction that is rolled back."""

    def __init__(self, url: str):
        self._engine = open_engine(url, writes=False, size=THREADS)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="log-reader", initializer=beside)
        self.directly = Direct(self._engine)
        """The same at the driver's own connection, for what must be quick (``statements.Question``)."""
        self.nearby = Nearby(self._engine)
        """The same in the loop's own thread, if the database is near."""
        self._shown: Callable[[], Awaitable[None]] | None = None

    def follow(self, shown: Callable[[], Awaitable[None]]) -> None:
        """``shown`` returns when all that the log was given before can be read."""
        self._shown = shown

    async def __call__(self, work: Callable[[sa.Connection], _T]) -> _T:
        """The result of ``work``; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    async def fresh(self, work: Callable[[sa.Connection], _T]) -> _T:
        """The same, after the log has written what it was given: who acts and then looks sees what he did."""
        if self._shown is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._shown(), FRESH_SECONDS)
        return await self(work)

    @property
    def dialect(self) -> sa.Dialect:
        """Of the database."""
        return self._engine.dialect

    def _run(self, work: Callable[[sa.Connection], _T]) -> _T:
        with self._engine.connect() as connection:
            return work(connection)

    def close(self) -> None:
        """Wait for running queries, then close the connections."""
        self.nearby.close()
        self.directly.close()
        self._threads.shutdown(wait=True)
        self._engine.dispose()
