"""The writer's one connection: each piece of work is a transaction that also keeps the lease."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from interaction_log.store import lease, numbers
from interaction_log.store.engine import WRITER_BUSY_SECONDS, set_busy_seconds
from interaction_log.store.failures import meaning
from interaction_log.store.turns import turn_of

_T = TypeVar("_T")
_log: Final = logging.getLogger(__name__)
_TRIES: Final = 3
_TURN_SECONDS: Final = 0.25  # in this process; then SQLite's lock is waited for like anybody's
_RETRY_BUSY_SECONDS: Final = 0.1  # while away: the events go to the journal and must not wait long for a try


class LeaseLost(RuntimeError):
    """Another process leads now: this one writes nothing any more."""


class Session:
    """Runs transactions on one connection, which is opened again after a failure."""

    def __init__(self, engine: sa.Engine, owner: lease.Owner, reservation: numbers.Numbers):
        self._engine = engine
        self._turn = turn_of(engine)
        self._owner = owner
        self._numbers = reservation
        self._connection: sa.Connection | None = None
        self._renewed = time.monotonic()
        self.busy_since: float | None = None  # monotonic; read by the watch
        self.lost = False

    @property
    def due(self) -> bool:
        """Whether the lease wants renewing."""
        return time.monotonic() - self._renewed >= lease.RENEW_SECONDS

    def run(self, work: Callable[[sa.Connection], _T]) -> _T:
        """One transaction, tried up to three times where the database asks for that; raises what remains."""
        for tried in range(1, _TRIES + 1):
            try:
                return self._once(work)
            except Exception as error:
                what = meaning(error)
                if what in ("away", "bug"):
                    self.hang_up()
                if what != "retry" or tried == _TRIES:
                    raise
        raise AssertionError("unreachable")

    def _once(self, work: Callable[[sa.Connection], _T]) -> _T:
        if self.lost:
            raise LeaseLost
        self.busy_since = time.monotonic()
        try:
            connection = self._open()
            with self._turn(_TURN_SECONDS), connection.begin():
                self._lead(connection)
                limit = self._numbers.wanted()
                if limit is not None:
                    numbers.store(connection, limit)
                result = work(connection)
                self._lead(connection)  # where that took long: nothing is committed without the lease
        finally:
            self.busy_since = None
        if limit is not None:
            self._numbers.extend(limit)
        return result

    def _lead(self, connection: sa.Connection) -> None:
        now = time.monotonic()
        if now - self._renewed < lease.RENEW_SECONDS:
            return
        if not lease.renew(connection, self._owner):
            self.lost = True
            raise LeaseLost
        self._renewed = now  # if the commit fails, the work of this transaction fails with it

    def _open(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def patience(self, away: bool) -> None:
        """How long to wait for SQLite's lock: less while the journal takes the events."""
        if self._connection is None and away and self._engine.dialect.name == "sqlite":
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self._open()
        if self._connection is not None:
            set_busy_seconds(self._connection, _RETRY_BUSY_SECONDS if away else WRITER_BUSY_SECONDS)

    def socket_number(self) -> int | None:
        """The connection's file descriptor, where it is a socket (``Watch``)."""
        connection = self._connection
        if connection is None or connection.dialect.name != "postgresql":
            return None
        try:
            driver: Any = connection.connection.driver_connection
            return int(driver.fileno())
        except Exception:  # it was closed meanwhile
            return None

    def hang_up(self) -> None:
        """Forget the connection; the next transaction opens a new one."""
        if self._connection is None:
            return
        with contextlib.suppress(Exception):
            self._connection.invalidate()
        with contextlib.suppress(Exception):
            self._connection.close()
        self._connection = None

    def close(self) -> None:
        """Give the lease and the unused numbers back, if the database is there."""
        try:
            self.run(self._leave)
        except Exception as error:
            _log.warning("the lease was not given back: %s", type(error).__name__)
        self.hang_up()

    def _leave(self, connection: sa.Connection) -> None:
        numbers.store(connection, self._numbers.last)
        lease.release(connection, self._owner)
