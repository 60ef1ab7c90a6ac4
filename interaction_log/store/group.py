"""Group commit: what many hand over at the same time is written in one transaction by one thread.

A commit costs about the same for one row as for a hundred, so while one group is written the next one gathers by
itself; nobody waits for a timer. Each who handed something over gets his answer after the commit, or the error.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from interaction_log.store.engine import open_engine
from interaction_log.store.failures import in_words, meaning
from interaction_log.store.turns import turn_of

_T = TypeVar("_T")
BATCH: Final = 500
MOST_WAITING: Final = 20_000
BUSY_SECONDS: Final = 5.0
"""How long SQLite's lock is waited for; then all of the group get the error, and may try again."""
_TRIES: Final = 3
_log: Final = logging.getLogger(__name__)


class Overloaded(sa.exc.SQLAlchemyError):
    """More waits to be written than is taken; it may be tried again later."""


class GroupWriter(Generic[_T]):
    """``execute(connection, jobs)`` does the jobs of a group in one transaction: for each a result, or an exception as
    its own answer. ``forget()``: a transaction failed, so nothing that it left in memory is true."""

    def __init__(
        self,
        url: str,
        execute: Callable[[sa.Connection, Sequence[_T]], Sequence[Any]],
        forget: Callable[[], None],
        name: str,
    ):
        self._url, self._execute, self._forget, self._name = url, execute, forget, name
        self._inbox: queue.SimpleQueue[tuple[_T, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._engine: sa.Engine | None = None
        self._closed = False
        self.groups = self.jobs = 0
        """How many were written; for metrics and benches."""

    async def __call__(self, job: _T) -> Any:
        """Its result after the commit. Raises what stands against it, and SQLAlchemy's errors."""
        if self._closed or self._inbox.qsize() >= MOST_WAITING:
            raise Overloaded(self._name)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._inbox.put((job, future))
        return await future

    def close(self) -> None:
        """Write what was handed over, then end. Blocks."""
        self._closed = True
        if self._thread is not None:
            self._inbox.put(None)
            self._thread.join()
            self._thread = None
        if self._engine is not None:
            self._engine.dispose()

    # --- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            taken, going = self._take()
            if taken:
                self._settle(taken)

    def _take(self) -> tuple[list[tuple[_T, asyncio.Future[Any]]], bool]:
        taken: list[tuple[_T, asyncio.Future[Any]]] = []
        one = self._inbox.get()
        with contextlib.suppress(queue.Empty):
            while one is not None:
                taken.append(one)
                if len(taken) == BATCH:
                    return taken, True
                one = self._inbox.get_nowait()
            return taken, False
        return taken, True

    def _settle(self, taken: list[tuple[_T, asyncio.Future[Any]]]) -> None:
        jobs = [job for job, _ in taken]
        try:
            answers = self._write(jobs)
        except Exception as error:
            answers = self._apart(jobs, error)
        self.groups += 1
        self.jobs += len(jobs)
        _tell([(future, answer) for (_, future), answer in zip(taken, answers, strict=True)])

    def _apart(self, jobs: list[_T], error: Exception) -> list[Any]:
        """One of them is at fault: each by itself. The database is away: all get the error."""
        if len(jobs) == 1 or meaning(error) == "away":
            _log.warning("%s: %d could not be written: %s", self._name, len(jobs), in_words(error))
            return [error] * len(jobs)
        answers: list[Any] = []
        for job in jobs:
            try:
                answers += self._write([job])
            except Exception as own:
                _log.warning("%s: one could not be written: %s", self._name, in_words(own))
                answers.append(own)
        return answers

    def _write(self, jobs: list[_T]) -> Sequence[Any]:
        for tried in range(1, _TRIES + 1):
            try:
                return self._once(jobs)
            except Exception as error:
                self._forget()
                if tried == _TRIES or (meaning(error) != "retry" and not (tried == 1 and _stale(error))):
                    raise
        raise AssertionError("unreachable")

    def _once(self, jobs: list[_T]) -> Sequence[Any]:
        if self._engine is None:
            self._engine = open_engine(self._url, busy_seconds=BUSY_SECONDS, size=1)
        with turn_of(self._engine)(BUSY_SECONDS), self._engine.begin() as connection:
            return self._execute(connection, jobs)


def _stale(error: Exception) -> bool:
    """Whether it may go now: the connection died in its sleep, or what was remembered was not true any more."""
    return isinstance(error, sa.exc.IntegrityError) or bool(getattr(error, "connection_invalidated", False))


def _tell(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    loops = {future.get_loop() for future, _ in answers}
    for loop in loops:
        mine = answers if len(loops) == 1 else [one for one in answers if one[0].get_loop() is loop]
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_answer, mine)


def _answer(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, answer in answers:
        if future.done():  # given up
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
