"""Who leads: one row in the database, renewed while it is worked with, free again three seconds after the last renewal.

A holder on the same host whose process is gone is replaced at once. The rule for the holder itself: it commits
nothing without a renewal less than ``RENEW_SECONDS`` old in the same or an earlier transaction (``Session``), and the
database ends a transaction of its that stays idle for ``IDLE_SECONDS``: frozen in the middle of one, it cannot commit
what it began before another one took the lead.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store.schema import lease

LIFETIME_SECONDS: Final = 3.0
RENEW_SECONDS: Final = 0.75
IDLE_SECONDS: Final = 1.5
"""``RENEW_SECONDS + IDLE_SECONDS`` is less than ``LIFETIME_SECONDS``, with a margin for the clocks of two processes."""
_ours: Final[set[str]] = set()  # owners in this process that were not closed


class LeaseHeld(RuntimeError):
    """Another process works on this database; the message says which one, and since when."""

    def __init__(self, host: str, pid: int, since: float | None):
        """``pid`` 0: another process of which no more is known."""
        when = f" since {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M:%S} UTC" if since is not None else ""
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{who} on {host} works on this database{when}; stop it first")
        self.host, self.pid, self.since = host, pid, since


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """Who has the lease. ``since``: Unix seconds, by the database's clock; ``free``: it can be taken now; ``here``:
    he is seen to live on this host."""

    host: str
    pid: int
    since: float
    free: bool
    here: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """This process, told apart from every other one, even one with the same pid."""

    token: str
    host: str
    pid: int
    pid_started: int

    @classmethod
    def this_process(cls) -> Owner:
        """A new owner; two in one process are different ones. ``forget`` it at the end."""
        owner = cls(uuid.uuid4().hex, _host(), os.getpid(), _started(os.getpid()))
        _ours.add(owner.token)
        return owner

    def forget(self) -> None:
        """This owner will not act any more, whether the lease could be given back or not."""
        _ours.discard(self.token)


def acquire(engine: sa.Engine, me: Owner, wait_seconds: float = LIFETIME_SECONDS + 1) -> None:
    """Take the lease, or raise ``LeaseHeld``: at once if its holder is seen alive on this host, else after waiting."""
    deadline = time.monotonic() + wait_seconds
    while True:
        with engine.begin() as connection:
            held = _take(connection, me)
        if held is None:
            return
        if _alive_here(held) or time.monotonic() >= deadline:
            raise LeaseHeld(held.host, held.pid, held.since)
        time.sleep(0.2)  # at the start only, in no loop's thread


def look(engine: sa.Engine) -> Leader | None:
    """Who has the lease now; ``None``: nobody, or the database is still empty. Changes nothing."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(lease.name):
            return None
        held = connection.execute(sa.select(lease)).first()
        if held is None:
            return None
        free = held.expires_at <= _now(connection) or _dead_here(held)
        return Leader(host=held.host, pid=held.pid, since=held.since, free=free, here=_alive_here(held))


def await_free(engine: sa.Engine, wait_seconds: float = LIFETIME_SECONDS + 1) -> None:
    """Return when nobody leads, so that nothing is changed that he works with; else ``LeaseHeld``, as ``acquire``."""
    deadline = time.monotonic() + wait_seconds
    while (held := look(engine)) is not None and not held.free:
        if held.here or time.monotonic() >= deadline:
            raise LeaseHeld(held.host, held.pid, held.since)
        time.sleep(0.2)  # at the start only, in no loop's thread


def _take(connection: sa.Connection, me: Owner) -> Any:
    now = _now(connection)
    held = connection.execute(sa.select(lease).with_for_update()).first()
    if held is not None and held.expires_at > now and not _dead_here(held):
        return held
    values = {
        "owner": me.token,
        "host": me.host,
        "pid": me.pid,
        "pid_started": me.pid_started,
        "since": now,
        "expires_at": now + LIFETIME_SECONDS,
    }
    if held is None:
        connection.execute(sa.insert(lease).values(id=1, **values))
    else:
        connection.execute(sa.update(lease).values(values))
    return None


def renew(connection: sa.Connection, me: Owner) -> bool:
    """Hold the lease for another ``LIFETIME_SECONDS``; ``False``: somebody else has it."""
    until = _now(connection) + LIFETIME_SECONDS
    found = connection.execute(sa.update(lease).where(lease.c.owner == me.token).values(expires_at=until))
    return found.rowcount == 1


@contextlib.contextmanager
def kept(engine: sa.Engine, me: Owner) -> Iterator[None]:
    """Hold the lease while something takes its time, by a thread of its own. On SQLite whoever works has the lock that
    everybody needs to take the lease: there a renewal that cannot be had is none the worse."""
    over = threading.Event()

    def renew_again() -> None:
        while not over.wait(RENEW_SECONDS):
            with contextlib.suppress(sa.exc.SQLAlchemyError), engine.begin() as connection:
                renew(connection, me)

    keeper = threading.Thread(target=renew_again, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def release(connection: sa.Connection, me: Owner) -> None:
    """Give the lease back, if it is ours."""
    connection.execute(sa.delete(lease).where(lease.c.owner == me.token))


def _now(connection: sa.Connection) -> float:
    """The database's clock where it has one: hosts disagree."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return time.time()


def _alive_here(held: Any) -> bool:
    """Whether the holder is seen to live: a process of this host and pid namespace, and not a former log of ours."""
    return held.host == _host() and _started(held.pid) == held.pid_started != 0 and not _was_ours(held)


def _dead_here(held: Any) -> bool:
    """Whether the holder is seen to be gone."""
    return (
        held.host == _host() and held.pid_started != 0 and (_started(held.pid) != held.pid_started or _was_ours(held))
    )


def _was_ours(held: Any) -> bool:
    return held.pid == os.getpid() and held.owner not in _ours


def _host() -> str:
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:  # no Linux: the processes of a host cannot be told apart, expiry alone decides
        namespace = ""
    return socket.gethostname() + (f" {namespace}" if namespace else "")


def _started(pid: int) -> int:
    """The process's start in clock ticks since boot (proc(5), field 22), 0 if there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
