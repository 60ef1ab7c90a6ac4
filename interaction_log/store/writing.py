"""Short transactions of the records (customers, users, catalogue), away from the event loop and beside the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import sqlalchemy as sa

from interaction_log.precedence import beside
from interaction_log.records import Conflict
from interaction_log.store.engine import OTHER_BUSY_SECONDS, open_engine
from interaction_log.store.failures import meaning
from interaction_log.store.turns import turn_of

_T = TypeVar("_T")
_THREADS: Final = 2
_TRIES: Final = 3


class Writing:
    """``await writing(work)`` runs ``work(connection)`` in one transaction; all of it or nothing."""

    def __init__(self, url: str):
        self.url = url
        self._engine = open_engine(url, size=_THREADS)
        self.turn = turn_of(self._engine)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="record-writer", initializer=beside)

    async def __call__(self, work: Callable[[sa.Connection], _T]) -> _T:
        """The result of ``work``; a violated key becomes ``Conflict``."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.now, work)

    def now(self, work: Callable[[sa.Connection], _T]) -> _T:
        """The same in the caller's thread: for commands and for work that is in a thread already."""
        for tried in range(1, _TRIES + 1):
            try:
                with self.turn(OTHER_BUSY_SECONDS), self._engine.begin() as connection:
                    return work(connection)
            except sa.exc.IntegrityError as error:
                raise Conflict("it exists already") from error
            except sa.exc.DBAPIError as error:
                lost = error.connection_invalidated and tried == 1  # a pooled connection that died in its sleep
                if (meaning(error) != "retry" and not lost) or tried == _TRIES:
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Wait for running transactions, then close the connections."""
        self._threads.shutdown(wait=True)
        self._engine.dispose()
