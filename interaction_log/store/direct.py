"""The question that a pop waits for: threads that each keep one connection of the database driver's own.

SQLAlchemy's pool, its transaction and an executor's futures cost several times what the database takes to answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import sqlalchemy as sa

_T = TypeVar("_T")
_Job = tuple[Callable[[Any], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]
THREADS: Final = 2
"""One that waits for a disk or a dead server does not stop the other."""
_MEET_SECONDS: Final = 10.0


class Direct:
    """``await direct(work)`` runs ``work(connection)`` in one of the threads, outside of any transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    async def __call__(self, work: Callable[[Any], _T]) -> _T:
        """The result of ``work``; raises what it raises."""
        if not self._threads:
            self._start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        self._inbox.put((work, loop, future))
        return await future

    async def everywhere(self, work: Callable[[Any], object]) -> None:
        """Run it once in each of the threads."""
        met = threading.Barrier(THREADS)

        def once(connection: Any) -> None:
            met.wait(_MEET_SECONDS)  # so that no thread takes two of them
            work(connection)

        await asyncio.gather(*(self(once) for _ in range(THREADS)))

    def _start(self) -> None:
        names = [f"log-caller-{n}" for n in range(THREADS)]
        self._threads = [threading.Thread(target=self._run, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Wait for running queries, then close the connections."""
        for _ in self._threads:
            self._inbox.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection: Any = None
        while (job := self._inbox.get()) is not None:
            work, loop, future = job
            try:
                connection = connection or connected(self._engine)
                result, error = work(connection), None
            except Exception as found:
                result, error = None, found
                drop(connection)
                connection = None
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_answer, future, result, error)
        drop(connection)


def connected(engine: sa.Engine) -> Any:
    """A connection of the driver's own, in no transaction; ``drop`` it at the end."""
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection
    if engine.dialect.name == "postgresql":  # SQLite's begin none of their own: see engine.py
        connection.autocommit = True
    pooled.detach()  # it never goes back to the pool
    return connection


def drop(connection: Any) -> None:
    """Close it. After a failure nothing is known of a connection: the next question gets a new one."""
    if connection is not None:
        with contextlib.suppress(Exception):
            connection.close()


def _answer(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():  # given up
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
