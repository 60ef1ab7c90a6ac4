"""Group commit: what many hand over at the same time is written in one transaction by one thread.

A commit costs about the same for one row as for a hundred, so while one group is written the next one gathers by
itself; nobody waits for a timer. Each who handed something over gets his answer after the commit, or the error; the
loop is woken once for a whole group.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from interaction_log.store.engine import open_engine
from interaction_log.store.failures import in_words, meaning
from interaction_log.store.turns import NOBODYS, Turn, turn_of

_T = TypeVar("_T")
Done = Callable[[Any], None]
"""Is called in the loop with the answer to a job: its result, or the exception that stands against it."""
_Put = tuple[_T, asyncio.AbstractEventLoop, Done]
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
    its own answer. ``forget()``: a transaction failed, so nothing that it left in memory is true.

    ``quick(driver, jobs)`` is tried before, at SQLite's own connection outside of any transaction: it does all of them
    by one statement, which is one commit, or nothing and says ``None``. Each statement gives the interpreter away and
    has to wait for it, and SQLAlchemy's way to one costs several times what SQLite does.
    """

    def __init__(
        self,
        url: str,
        execute: Callable[[sa.Connection, Sequence[_T]], Sequence[Any]],
        forget: Callable[[], None],
        name: str,
        quick: Callable[[Any, Sequence[_T]], Sequence[Any] | None] | None = None,
    ):
        self._url, self._execute, self._forget, self._name, self._quick = url, execute, forget, name, quick
        self._inbox: queue.SimpleQueue[_Put[_T] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._driver: Any = None
        """SQLite's own connection, where there is a quick way."""
        self._turn: Turn = NOBODYS
        self._closed = False
        self.groups = self.jobs = 0
        """How many were written; for metrics and benches."""

    async def __call__(self, job: _T) -> Any:
        """Its result after the commit. Raises what stands against it, and SQLAlchemy's errors."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.put(job, partial(_settle, future))
        return await future

    def put(self, job: _T, done: Done) -> None:
        """The same without waiting: ``done`` hears after the commit. Raises ``Overloaded``."""
        if self._closed or self._inbox.qsize() >= MOST_WAITING:
            raise Overloaded(self._name)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._inbox.put((job, asyncio.get_running_loop(), done))

    def close(self) -> None:
        """Write what was handed over, then end. Blocks."""
        self._closed = True
        if self._thread is not None:
            self._inbox.put(None)
            self._thread.join()
            self._thread = None
        self._drop()
        if self._engine is not None:
            self._engine.dispose()

    # --- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            taken, going = self._take()
            if taken:
                self._answer(taken)

    def _take(self) -> tuple[list[_Put[_T]], bool]:
        taken: list[_Put[_T]] = []
        one = self._inbox.get()
        while one is not None:
            taken.append(one)
            if len(taken) == BATCH or self._inbox.empty():  # nobody else takes from it
                return taken, True
            one = self._inbox.get_nowait()
        return taken, False

    def _answer(self, taken: list[_Put[_T]]) -> None:
        jobs = [job for job, _, _ in taken]
        try:
            answers = self._write(jobs)
        except Exception as error:
            answers = self._apart(jobs, error)
        self.groups += 1
        self.jobs += len(jobs)
        _tell([(loop, done, answer) for (_, loop, done), answer in zip(taken, answers, strict=True)])

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
                self._drop()
                self._forget()
                if tried == _TRIES or (meaning(error) != "retry" and not (tried == 1 and _stale(error))):
                    raise
        raise AssertionError("unreachable")

    def _once(self, jobs: list[_T]) -> Sequence[Any]:
        connection = self._connection or self._connect()
        with self._turn(BUSY_SECONDS):
            answers = self._at_driver(jobs) if self._driver is not None else None
            if answers is not None:
                return answers
            with connection.begin():
                return self._execute(connection, jobs)

    def _connect(self) -> sa.Connection:
        if self._engine is None:
            self._engine = open_engine(self._url, busy_seconds=BUSY_SECONDS, size=1)
            self._turn = turn_of(self._engine)
        connection = self._connection = self._engine.connect()
        if self._quick is not None and connection.dialect.name == "sqlite":
            self._driver = connection.connection.driver_connection
        return connection

    def _at_driver(self, jobs: Sequence[_T]) -> Sequence[Any] | None:
        assert self._quick is not None
        try:
            return self._quick(self._driver, jobs)
        except sqlite3.OperationalError as error:
            raise sa.exc.OperationalError(None, None, error) from error

    def _drop(self) -> None:
        """After a failure nothing is known of a connection: the next group gets a new one."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.invalidate()
            with contextlib.suppress(Exception):
                connection.close()


def _stale(error: Exception) -> bool:
    """Whether it may go now: the connection died in its sleep, or what was remembered was not true any more."""
    return isinstance(error, sa.exc.IntegrityError) or bool(getattr(error, "connection_invalidated", False))


def _tell(answers: list[tuple[asyncio.AbstractEventLoop, Done, Any]]) -> None:
    for loop in {loop for loop, _, _ in answers}:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_hear, [one for one in answers if one[0] is loop])


def _hear(answers: list[tuple[asyncio.AbstractEventLoop, Done, Any]]) -> None:
    for _, done, answer in answers:
        try:
            done(answer)
        except Exception:  # the others are to hear theirs
            _log.exception("an answer of the store could not be taken")


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():  # given up
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
