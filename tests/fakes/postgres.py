"""A private PostgreSQL for one test session: made from nothing in a temporary folder, gone afterwards.

The server refuses to run as root; as root it runs as the user ``postgres`` (or ``nobody``).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from interaction_log.store import upgrade_to_head


def binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``: the newest of Debian's, else what the PATH has."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3].split(".")[0]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _as_whom() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("no user to run PostgreSQL as")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


SETTINGS = """\
max_connections=60
fsync=off  # here processes die, the machine does not
"""
HASTE = """\
full_page_writes=off
# hundreds of databases for a few seconds each: nothing of them is worth cleaning or writing down early
autovacuum=off
checkpoint_timeout=1h
max_wal_size=4GB
"""
KEPT = 40
"""Databases of 13 MB each; older ones that nobody is connected with are dropped."""
ROOM = 4 << 30
"""Bytes that must be free: several times what one worker's databases take."""


def _roomy_memory() -> str | None:
    """Linux's file system in memory, where it has room: a database is 300 files. ``None``: the usual place."""
    memory = Path("/dev/shm")
    try:
        room = shutil.disk_usage(memory).free
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
    return str(memory) if min(room, free) >= ROOM and os.access(memory, os.W_OK | os.X_OK) else None


@dataclass
class Postgres:
    """A server that can be stopped, started and frozen."""

    folder: Path
    bin: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    migrated: str = ""
    made: list[str] = field(default_factory=list)
    """Names of databases with all tables, the oldest first."""

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder / "data", "-p", str(self.port)],
            stdout=log,
            stderr=log,
            cwd=self.folder,
            **_as_whom(),
        )
        log.close()
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres").replace("+psycopg", ""), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError((self.folder / "server.log").read_text()[-2000:]) from None
                time.sleep(0.05)  # it answers or not: only asking tells

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT is a fast shutdown, SIGQUIT a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def backends(self) -> list[int]:
        """The processes of the server, itself first."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def url(self, database: str) -> str:
        return f"postgresql://callweave@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def migrated_database(self) -> str:
        """The URL of a new database with all tables; they are made once for each server."""
        if not self.migrated:
            self.migrated = self.new_database()
            upgrade_to_head(self.migrated)
        name = f"t{uuid.uuid4().hex}"
        template = self.migrated.rpartition("/")[2]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
            self.made.append(name)
            for old in self.made[:-KEPT]:
                with contextlib.suppress(psycopg.errors.ObjectInUse):
                    connection.execute(f'DROP DATABASE "{old}"'.encode())
                    self.made.remove(old)
        return self.url(name)


@contextlib.contextmanager
def private_postgres(*, haste: bool = False) -> Iterator[Postgres]:
    """Make a server, run it, remove it. ``haste``: in memory where there is room, and without any upkeep."""
    found = binaries()
    assert found is not None
    whom = _as_whom()
    with tempfile.TemporaryDirectory(
        prefix="cw-pg-", dir=_roomy_memory() if haste else None, ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        if whom:
            os.chown(folder, whom["user"], whom["group"])
        make = [found / "initdb", "-D", folder / "data", "-U", "callweave", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*make, "--no-sync", "--locale=C.UTF-8"], check=True, capture_output=True, cwd=folder, **whom)
        with (folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write(f"listen_addresses='127.0.0.1'\nunix_socket_directories='{folder}'\nshared_buffers=32MB\n")
            conf.write(SETTINGS + (HASTE if haste else ""))
        server = Postgres(folder, found, _free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


def postgres_or_skip() -> Iterator[Postgres]:
    """For fixtures. Where Debian's packages can be installed (root), a missing server is an error, not a skip."""
    if binaries() is None:
        if os.geteuid() == 0 and Path("/etc/debian_version").exists():
            pytest.fail("PostgreSQL is missing: apt-get install postgresql")
        pytest.skip("no PostgreSQL binaries on this machine")
    with private_postgres(haste=True) as server:
        yield server


_SHARED: list[Postgres] = []


def shared_postgres() -> Iterator[Postgres]:
    """For session fixtures of several modules: one server for all. The first begins it, and is the last to end."""
    if _SHARED:
        yield _SHARED[0]
        return
    for server in postgres_or_skip():
        _SHARED.append(server)
        yield server
        _SHARED.clear()
