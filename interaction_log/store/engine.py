"""Connections: the URL decides between SQLite (WAL, ``synchronous=FULL``) and PostgreSQL (psycopg 3)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

WRITER_BUSY_SECONDS: Final = 0.5  # how long the log waits for SQLite's lock before it turns to the journal
OTHER_BUSY_SECONDS: Final = 10.0
OTHER_IDLE_SECONDS: Final = 60.0
_POSTGRES: Final[dict[str, Any]] = {
    "connect_timeout": 3,
    "application_name": "callweave",
    # a server that is gone without a word is found within about ten seconds
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8_000,
}


def database_url(url: str) -> URL:
    """The URL with the driver that we use; raises ``ValueError`` for any other database."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite+pysqlite")
    raise ValueError("the database must be sqlite:///FILE or postgresql://…")


def open_engine(
    url: str,
    *,
    busy_seconds: float = OTHER_BUSY_SECONDS,
    writes: bool = True,
    size: int = 5,
    idle_seconds: float = OTHER_IDLE_SECONDS,
) -> sa.Engine:
    """An engine whose transactions take SQLite's write lock at their beginning if ``writes``.

    ``busy_seconds`` (0 to 60) is how long SQLite waits for another writer; ``idle_seconds``, how long PostgreSQL waits
    for the next word in a transaction before it ends it.
    """
    parsed = database_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, busy_seconds, "BEGIN IMMEDIATE" if writes else "BEGIN", size)
    options = f"-c lock_timeout=5000 -c idle_in_transaction_session_timeout={int(idle_seconds * 1000)}"
    return sa.create_engine(
        parsed,
        connect_args=_POSTGRES | {"options": options},
        paramstyle="format",
        pool_size=size,
        max_overflow=0,
        pool_pre_ping=not writes,
    )


def _sqlite(url: URL, busy_seconds: float, begin: str, size: int) -> sa.Engine:
    Path(url.database or "").resolve().parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url, connect_args={"timeout": busy_seconds, "check_same_thread": False}, pool_size=size, max_overflow=0
    )

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own: see _begin
        connection.execute("PRAGMA journal_mode=WAL").close()
        connection.execute("PRAGMA synchronous=FULL").close()
        connection.execute("PRAGMA cache_size=-16000").close()
        connection.execute("PRAGMA secure_delete=ON").close()  # what is deleted is overwritten (Debian's default)
        connection.execute("PRAGMA wal_autocheckpoint=4000").close()
        connection.execute("PRAGMA journal_size_limit=67108864").close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def set_busy_seconds(connection: sa.Connection, seconds: float) -> None:
    """How long this SQLite connection waits for another writer; nothing elsewhere. Not inside a transaction."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}").close()
