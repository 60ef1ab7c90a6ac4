"""Queries away from the event loop: a few threads, each with a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import sqlalchemy as sa

from interaction_log.store.engine import open_engine

_T = TypeVar("_T")
THREADS: Final = 4


class Reading:
    """``await reading(work)`` runs ``work(connection)`` in a reader's thread, in a transaction that is rolled back."""

    def __init__(self, url: str):
        self._engine = open_engine(url, writes=False, size=THREADS)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="log-reader")

    async def __call__(self, work: Callable[[sa.Connection], _T]) -> _T:
        """The result of ``work``; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work)

    def _run(self, work: Callable[[sa.Connection], _T]) -> _T:
        with self._engine.connect() as connection:
            return work(connection)

    def close(self) -> None:
        """Wait for running queries, then close the connections."""
        self._threads.shutdown(wait=True)
        self._engine.dispose()
