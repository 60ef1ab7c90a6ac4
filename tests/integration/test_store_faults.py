"""The log when its database, its disk or its process fails (F9, F12 to F18)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.interaction import fold
from interaction_log.store import EventLog, LogState, NotDurable
from interaction_log.store import schema as s
from interaction_log.store.engine import open_engine
from tests.fakes.call_events import call, calls
from tests.fakes.postgres import Postgres, private_postgres

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", "6"))


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with private_postgres() as server:
        yield server


class Told:
    """A log and what was told to it."""

    def __init__(self, url: str, journal: Path, journal_bytes: int = 1_000_000):
        self.url, self.journal, self.size = url, journal, journal_bytes
        self.states: list[LogState] = []
        self.told: list[e.Recorded] = []
        self.log = self._open()

    def _open(self) -> EventLog:
        return EventLog.open(self.url, self.journal, on_state=self.states.append, journal_bytes=self.size)

    def again(self) -> None:
        self.log.close()
        self.log = self._open()

    def say(self, *told: e.Event) -> int:
        for event in told:
            self.told.append(e.Recorded(self.log.next_seq(), event))
            self.log.append(self.told[-1])
        return self.told[-1].seq

    async def keep(self, *told: e.Event, within: float = 10.0) -> float:
        began = time.monotonic()
        await asyncio.wait_for(self.log.durable(self.say(*told)), within)
        return time.monotonic() - began

    async def until(self, name: str, within: float = 15.0) -> None:
        deadline = time.monotonic() + within
        while self.log.state.name != name or (name == "ok" and self.log.state.backlog):
            assert time.monotonic() < deadline, self.log.state
            await asyncio.sleep(0.02)

    async def assert_complete(self) -> None:
        stored = [one async for one in self.log.events_after(0, 1_000_000)]
        assert stored == self.told
        assert_projected(self.url, Path(self.journal).parent)


def assert_projected(url: str, folder: Path) -> None:
    """Every interaction is what its stored events add up to. ``folder``: where the key is."""
    from interaction_log.store.keys import Keys
    from interaction_log.store.log import KEY_FILE
    from interaction_log.store.master_key import load
    from interaction_log.store.rows import from_row

    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(sa.select(s.events).order_by(s.events.c.seq))]
        ciphers = Keys(load(folder / KEY_FILE)).read(connection, rows)
        events = [from_row(row, ciphers) for row in rows]
        query = sa.select(s.interactions.c.id, s.interactions.c.public)
        public = {row.id: json.loads(row.public) for row in connection.execute(query)}
        assert connection.execute(sa.select(s.meta).where(s.meta.c.key == s.PROJECTED_SEQ)).all() == []
    engine.dispose()
    expected = fold([one for one in events if isinstance(one, e.InteractionEvent)])
    assert public == {of: json.loads(json.dumps(one.public())) for of, one in expected.items()}


# --- our own process is killed -----------------------------------------------------------------------


def _killed_child(
    url: str, journal: Path, first: int, after: float, then: Callable[[], Any] = int
) -> tuple[set[int], int]:
    """What was durable, and the highest number given out. ``then`` is called once the child has opened its log."""
    command = [sys.executable, "-m", "tests.fakes.log_child", url, str(journal), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout is not None and child.stderr is not None
        opened = child.stdout.readline().split()
        then()
        killer = threading.Timer(after, child.kill)
        killer.start()
        lines = [line.split() for line in child.stdout.read().splitlines()]
        killer.join()
        assert opened and child.wait() == -signal.SIGKILL, child.stderr.read().decode()
    durable = {int(one) for line in lines if line[:1] == [b"durable"] for one in line[1:]}
    given = max([int(line[1]) for line in lines if line[0] == b"given" and len(line) == 2], default=0)
    return durable, given


def _kill_repeatedly(url: str, journal: Path, kills: int, rng: random.Random) -> None:
    durable: set[int] = set()
    highest = 0
    for n in range(kills):
        kept, given = _killed_child(url, journal, n * 1_000_000, rng.uniform(0.05, 0.6))
        assert not kept or min(kept) > highest, "a number was used twice"
        durable |= kept
        highest = max(highest, given)
    log = EventLog.open(url, journal, on_state=print, journal_bytes=4_000_000)
    assert log.next_seq() > highest
    still = {one.id for one in log.open_interactions()}
    log.close()
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        stored = list(connection.execute(sa.select(s.events.c.seq)).scalars())
        unended = connection.execute(sa.select(s.interactions.c.id).where(s.interactions.c.ended.is_(sa.false())))
        assert still == set(unended.scalars()) and still
    engine.dispose()
    assert durable and durable <= set(stored), f"{len(durable - set(stored))} acknowledged events are missing"
    assert len(stored) == len(set(stored))
    assert_projected(url, journal.parent)


def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    _kill_repeatedly(f"sqlite:///{tmp_path}/log.db", tmp_path / "journal", KILLS, random.Random(1))


@pytest.mark.real("postgresql")
def test_killed_at_any_moment_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    _kill_repeatedly(postgres.new_database(), tmp_path / "journal", KILLS, random.Random(2))


def test_killed_while_the_journal_is_in_use(tmp_path: Path) -> None:
    database = tmp_path / "log.db"
    url = f"sqlite:///{database}"
    EventLog.open(url, tmp_path / "journal", on_state=print, journal_bytes=4_000_000).close()
    with contextlib.ExitStack() as stack:
        kept, given = _killed_child(url, tmp_path / "journal", 0, 1.2, lambda: stack.enter_context(locked(database)))
    assert len(kept) > 100
    log = EventLog.open(url, tmp_path / "journal", on_state=print, journal_bytes=4_000_000)
    assert log.next_seq() > given
    log.close()
    with sqlite3.connect(database) as connection:
        stored = [row[0] for row in connection.execute("SELECT seq FROM events ORDER BY seq")]
    connection.close()
    assert kept <= set(stored) and len(stored) == len(set(stored))
    assert_projected(url, tmp_path)


# --- the database is away ----------------------------------------------------------------------------


@contextmanager
def locked(database: Path) -> Iterator[Callable[[], None]]:
    """Another process holds SQLite's lock; the function given lets it go."""
    code = (
        "import sqlite3, sys;"
        "c = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None);"
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None and child.stdout is not None
    assert child.stdout.readline() == b"locked\n"
    try:
        yield child.stdin.close
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


async def test_sqlite_locked_by_another_writer(tmp_path: Path) -> None:
    t = Told(f"sqlite:///{tmp_path}/log.db", tmp_path / "journal")
    try:
        await t.keep(*list(call(1))[:5])
        with locked(tmp_path / "log.db") as unlock:
            assert await t.keep(*list(call(1))[5:]) < 4.0
            assert t.log.state.name == "journaling" and "locked" in (t.log.state.reason or "")
            slowest = 0.0
            for n in range(2, 22):
                slowest = max(slowest, await t.keep(*call(n)))
            assert slowest < 2.0  # nobody waits for the lock any more
            assert t.log.state.backlog == 9 + 20 * 14 and t.log.journal_bytes > 0
            unlock()
            t.say(*calls(20, 5, first=100))  # while it is drained
            await t.until("ok")
        await t.keep(*call(200))
        await t.assert_complete()
        assert [one.name for one in t.states] == ["journaling", "ok"]
        assert t.log.state.lost == 0 and t.log.journal_bytes == 0
    finally:
        t.log.close()


async def test_a_restart_drains_what_the_journal_holds(tmp_path: Path) -> None:
    t = Told(f"sqlite:///{tmp_path}/log.db", tmp_path / "journal")
    try:
        await t.keep(*list(call(1))[:4])
        with locked(tmp_path / "log.db"):
            await t.keep(*list(call(1))[4:9], *list(call(2))[:3], e.LinkLost(at=1.0, pbx="main", reason="x"))
            await t.keep(e.AgentStateChanged(at=5.0, agent="anna", state="READY"))
            t.log.close()
        t.again()
        assert {one.outcome for one in t.log.open_interactions()} == {None} and len(t.log.open_interactions()) == 2
        await t.keep(*list(call(1))[9:])
        await t.assert_complete()
        with sqlite3.connect(tmp_path / "log.db") as connection:
            assert connection.execute("SELECT agent, state FROM agent_states WHERE agent='anna'").fetchall()
            assert connection.execute("SELECT count(*) FROM link_events").fetchone() == (1,)
        connection.close()
    finally:
        t.log.close()


@pytest.mark.real("postgresql")
async def test_postgresql_stopped_and_started(tmp_path: Path, postgres: Postgres) -> None:
    t = Told(postgres.new_database(), tmp_path / "journal")
    try:
        await t.keep(*list(call(1))[:5])
        for how in (signal.SIGINT, signal.SIGQUIT):
            await asyncio.to_thread(postgres.stop, how)
            for n in range(20):
                assert await t.keep(*call(n + 100 * how)) < 2.0
            assert t.log.state.name == "journaling"
            assert "password" not in (t.log.state.reason or "")
            await asyncio.to_thread(postgres.start)
            began = time.monotonic()
            await t.until("ok")
            assert time.monotonic() - began < 5.0
            await t.keep(*call(how))
        await t.assert_complete()
    finally:
        t.log.close()


@pytest.mark.real("postgresql")
async def test_postgresql_frozen_in_the_middle(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    from interaction_log.store import watch

    monkeypatch.setattr(watch, "HANG_SECONDS", 1.0)
    t = Told(postgres.new_database(), tmp_path / "journal")
    try:
        await t.keep(*list(call(1))[:5])
        frozen = postgres.backends()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert await t.keep(*call(2), within=20) < 8.0
            assert t.log.state.name == "journaling"
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        await t.until("ok")
        await t.keep(*call(3))
        await t.assert_complete()
    finally:
        t.log.close()


@pytest.mark.real("postgresql")
@pytest.mark.parametrize("loses", ["before", "after"])
async def test_a_connection_cut_around_its_commit(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, loses: str
) -> None:
    """The answer to COMMIT is lost: was it done or not? Either way there is exactly one row for each event."""
    t = Told(postgres.new_database(), tmp_path / "journal")
    real, cuts = sa.engine.default.DefaultDialect.do_commit, [2, 4]

    def commit(self: Any, connection: Any) -> None:
        if threading.current_thread().name == "log-writer":
            cuts[:] = [n - 1 for n in cuts]
            if 0 in cuts:
                if loses == "after":
                    real(self, connection)
                connection.driver_connection.close()
        real(self, connection)

    monkeypatch.setattr(sa.engine.default.DefaultDialect, "do_commit", commit)
    try:
        for n in range(8):
            await t.keep(*call(n))
        await t.until("ok")
        await t.keep(*call(9))
        await t.assert_complete()
        assert [one.name for one in t.states][:2] == ["journaling", "ok"]
    finally:
        t.log.close()


@pytest.mark.parametrize("nth", range(1, 16))
async def test_the_nth_statement_fails(tmp_path: Path, nth: int) -> None:
    t = Told(f"sqlite:///{tmp_path}/log.db", tmp_path / "journal")
    left = [nth]

    @sa.event.listens_for(t.log._engine, "before_cursor_execute")
    def fail(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise sqlite3.OperationalError("disk I/O error")

    try:
        for n in range(4):
            await t.keep(*call(n))
        await t.until("ok")
        await t.assert_complete()
        assert left[0] < 0
    finally:
        t.log.close()


@pytest.mark.real("postgresql")
async def test_a_serialisation_failure_is_tried_again(tmp_path: Path, postgres: Postgres) -> None:
    t = Told(postgres.new_database(), tmp_path / "journal")
    left = [2]

    @sa.event.listens_for(t.log._engine, "before_cursor_execute")
    def fail(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO interactions") and left[0]:
            left[0] -= 1
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$")

    try:
        await t.keep(*call(1))
        await t.assert_complete()
        assert left == [0] and t.states == []
    finally:
        t.log.close()


# --- no room ------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_the_disk_is_full(small_disk: Path, tmp_path: Path) -> None:
    t = Told(f"sqlite:///{small_disk}/log.db", tmp_path / "journal")
    ballast = small_disk / "ballast"
    try:
        await t.keep(*call(1))
        with ballast.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 4096)
        for n in range(100, 140):
            await t.keep(*call(n))
        assert t.log.state.name == "journaling" and "full" in (t.log.state.reason or "")
        ballast.unlink()
        await t.until("ok")
        await t.keep(*call(300))
        await t.assert_complete()
    finally:
        t.log.close()


async def test_the_journal_is_full_too(tmp_path: Path) -> None:
    t = Told(f"sqlite:///{tmp_path}/log.db", tmp_path / "journal", journal_bytes=40_000)
    try:
        await t.keep(*call(1))
        with locked(tmp_path / "log.db") as unlock:
            for n in range(2, 40):
                seq = t.say(*call(n))
                if t.log.state.name != "degraded":
                    try:
                        await asyncio.wait_for(t.log.durable(seq), 5)
                    except NotDurable:
                        break
            assert t.log.state.name == "degraded" and t.log.state.reason == "the journal is full"
            lost = t.log.state.lost
            assert lost > 0
            with pytest.raises(NotDurable):
                await t.keep(*call(50))
            unlock()
            await t.until("ok")
        assert t.log.state.lost == lost + 14
        await t.keep(*call(51))
        stored = [one.seq async for one in t.log.events_after(0, 1_000_000)]
        told = [one.seq for one in t.told]
        kept = len(stored) - 14
        assert stored == [*told[:kept], *told[-14:]]  # the oldest are kept, in order
        assert kept + lost + 14 + 14 == len(told)
        assert [one.name for one in t.states] == ["journaling", "degraded", "ok"]
    finally:
        t.log.close()


async def test_a_flood_while_the_database_is_away_costs_bounded_memory(tmp_path: Path) -> None:
    t = Told(f"sqlite:///{tmp_path}/log.db", tmp_path / "journal", journal_bytes=16_000_000)
    try:
        with locked(tmp_path / "log.db") as unlock:
            await t.keep(*calls(1_430, 100), within=30)  # 20,020 events
            assert t.log.state.backlog == len(t.told)
            unlock()
            await t.until("ok", within=30)
        await t.assert_complete()
    finally:
        t.log.close()
