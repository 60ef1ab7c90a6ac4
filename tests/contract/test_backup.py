"""Backup and restore while calls are written, on SQLite and PostgreSQL: what comes back is one moment, and whole."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.chats import NewConversation
from interaction_log.records import AuditEntry, User
from interaction_log.rights import Team
from interaction_log.store import EventLog, Store
from interaction_log.store import schema as s
from interaction_log.store.audit_guard import take_down
from interaction_log.store.backup import Source, make, tables_in, without_secrets
from interaction_log.store.backup_file import BackupFault, BackupReader, BackupWriter
from interaction_log.store.chat_folder import ChatFolder
from interaction_log.store.engine import open_engine
from interaction_log.store.restore import NotEmpty, Target, restore
from tests.contract.test_store import postgres, url  # noqa: F401 (fixtures)
from tests.fakes.call_events import calls
from tests.fakes.postgres import Postgres

SECRET = "pass phrase 口令".encode()


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:  # noqa: F811
    """All rows of all tables, in some order that is always the same."""
    engine = open_engine(url, writes=False, size=1)
    try:
        with engine.connect() as connection:
            found = {}
            for name in tables_in(connection):
                all_rows = connection.execute(sa.select(sa.text("*")).select_from(sa.table(name))).all()
                found[name] = sorted(map(repr, all_rows))
            return found  # type: ignore[return-value]
    finally:
        engine.dispose()


@pytest.fixture
def empty(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> str:  # noqa: F811
    """The URL of an empty database of the same kind."""
    if url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/restored/log.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


async def filled(url: str) -> None:  # noqa: F811
    """Some of everything."""
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    await store.users.create(User(name="anna", display_name="Anna", role="agent"), "long enough")
    await store.users.open_session("anna")
    await store.teams.put_team(Team(code="red", label="Red", members=("anna",)))
    await store.customers.create({"name": "王小明", "phones": ["+8613800138000"], "notes": "tab\there \\N"})
    for n in range(5):
        await store.audit.append(AuditEntry(at=1000.0 + n, actor="admin", action="merge", subject=f"c{n}"))
    await asyncio.to_thread(store.close)


class Writing:
    """Calls are written, faster than one backup can be made, until the end."""

    def __init__(self, url: str, folder: Path):  # noqa: F811
        self._stop = threading.Event()
        self.log = EventLog.open(url, folder / "events.journal", on_state=print, journal_bytes=1_000_000)
        self.told = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writing:
        self._thread.start()
        return self

    def _run(self) -> None:
        for event in calls(1_000_000, 3):
            if self._stop.wait(0.0005):
                return
            self.log.append(e.Recorded(self.log.next_seq(), event))
            self.told += 1

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.log.close()


async def test_a_backup_while_calls_are_written_is_one_moment(url: str, empty: str, tmp_path: Path) -> None:  # noqa: F811
    await filled(url)
    await asyncio.to_thread(_one_moment, url, empty, tmp_path)


def _one_moment(url: str, empty: str, tmp_path: Path) -> None:  # noqa: F811
    with Writing(url, tmp_path / "journal") as writing:
        deadline = threading.Event()
        while writing.told < 300:
            deadline.wait(0.01)
        out = io.BytesIO()
        manifest = make(Source(url=url, journal=tmp_path / "journal" / "events.journal"), out, SECRET, tmp_path)
        told = writing.told
    out.seek(0)
    again = restore(out, SECRET, Target(url=empty, journal=tmp_path / "again" / "events.journal"), tmp_path, None)
    assert again == json.loads(json.dumps(manifest))
    back = rows(empty)
    assert {name: len(found) for name, found in back.items() if name not in ("sessions", "lease")} == {
        name: count for name, count in manifest["rows"].items() if name not in ("sessions", "lease")
    }
    assert back["sessions"] == back["lease"] == []
    assert 0 < len(back["events"]) <= told
    _is_one_moment(empty)
    _goes_on(empty, tmp_path)


def _is_one_moment(url: str) -> None:  # noqa: F811
    """The events have no gap but numbers that were never given out, and the projections say what they say."""
    engine = open_engine(url, writes=False, size=1)
    with engine.connect() as connection:
        behind = connection.execute(sa.select(s.meta.c.value).where(s.meta.c.key == s.PROJECTED_SEQ)).scalar()
        seqs = connection.execute(sa.select(s.events.c.seq).order_by(s.events.c.seq)).scalars().all()
        assert list(seqs) == list(range(seqs[0], seqs[0] + len(seqs)))
        ended = sa.select(s.events.c.interaction_id, s.events.c.seq).where(s.events.c.type == "InteractionEnded")
        for of, seq in connection.execute(ended).all():
            if behind is None or seq <= behind:
                assert connection.execute(sa.select(s.interactions.c.ended).where(s.interactions.c.id == of)).scalar()
    engine.dispose()


def _goes_on(url: str, folder: Path) -> None:  # noqa: F811
    """The program starts on it (with its master key, which is no part of a backup), and goes on with new numbers."""
    shutil.copyfile(folder / "journal" / "master.key", folder / "again" / "master.key")
    (folder / "again" / "master.key").chmod(0o600)
    log = EventLog.open(url, folder / "again" / "events.journal", on_state=print, journal_bytes=1_000_000)
    engine = open_engine(url, writes=False, size=1)
    with engine.connect() as connection:
        last = connection.execute(sa.select(sa.func.max(s.events.c.seq))).scalar_one()
    engine.dispose()
    assert log.next_seq() > last
    log.close()


async def test_contents_come_back_as_they_were(url: str, empty: str, tmp_path: Path) -> None:  # noqa: F811
    await filled(url)
    out = io.BytesIO()
    await asyncio.to_thread(make, Source(url=url), out, SECRET, tmp_path)
    assert "王小明".encode() not in out.getvalue() and b"anna" not in out.getvalue()
    out.seek(0)
    seen: list[str] = []
    after = lambda connection: seen.extend(tables_in(connection))  # noqa: E731
    await asyncio.to_thread(restore, out, SECRET, Target(url=empty), tmp_path, after)
    assert "customers" in seen
    before, back = rows(url), rows(empty)
    before["sessions"] = []
    assert before == back
    store = await asyncio.to_thread(Store.open, empty, default_region="CN")
    assert (await store.customers.search("13800138000", 10, None))[0][0].name == "王小明"
    assert (await store.audit.verify()).rows == 5
    assert await store.users.check_password("anna", "long enough") is not None
    await asyncio.to_thread(store.close)


async def test_it_goes_only_into_an_empty_database(url: str, tmp_path: Path) -> None:  # noqa: F811
    await filled(url)
    out = io.BytesIO()
    await asyncio.to_thread(make, Source(url=url), out, None, tmp_path)
    before = rows(url)
    out.seek(0)
    with pytest.raises(NotEmpty):
        await asyncio.to_thread(restore, out, None, Target(url=url), tmp_path, None)
    assert rows(url) == before


async def test_a_fault_afterwards_leaves_nothing(url: str, empty: str, tmp_path: Path) -> None:  # noqa: F811
    await filled(url)
    out = io.BytesIO()
    await asyncio.to_thread(make, Source(url=url), out, None, tmp_path)

    def fail(connection: sa.Connection) -> None:
        raise RuntimeError("no")

    for attempt in (fail, None):  # the second finds the place as empty as before
        out.seek(0)
        work = asyncio.to_thread(restore, out, None, Target(url=empty), tmp_path, attempt)
        if attempt is None:
            assert (await work)["rows"]["users"] == 1
        else:
            with pytest.raises(RuntimeError):
                await work


async def test_a_trail_that_was_cut_is_not_put_back(url: str, empty: str, tmp_path: Path) -> None:  # noqa: F811
    await filled(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        take_down(connection)
        connection.exec_driver_sql("DELETE FROM audit WHERE n > 3")
    engine.dispose()
    out = io.BytesIO()
    await asyncio.to_thread(make, Source(url=url), out, None, tmp_path)
    out.seek(0)
    with pytest.raises(BackupFault, match="broken at entry 4"):
        await asyncio.to_thread(restore, out, None, Target(url=empty), tmp_path, None)


# --- the file ------------------------------------------------------------------------------------------


def written(data: bytes, secret: bytes | None) -> bytes:
    out = io.BytesIO()
    with BackupWriter(out, secret) as writer:
        writer.write(data)
    return out.getvalue()


def read(data: bytes, secret: bytes | None) -> bytes:
    return BackupReader(io.BytesIO(data), secret).readall()


@pytest.mark.parametrize("secret", [SECRET, None], ids=["encrypted", "plain"])
@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 2 * 1024 * 1024 + 5])
def test_the_file_gives_back_what_was_put_in(size: int, secret: bytes | None) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert read(written(data[:size], secret), secret) == data[:size]


@pytest.fixture(scope="module", params=[SECRET, None], ids=["encrypted", "plain"])
def whole(request: pytest.FixtureRequest) -> Iterator[tuple[bytes, bytes | None]]:
    yield written(b"x" * (2 * 1024 * 1024 + 7), request.param), request.param


def test_every_damage_is_found(whole: tuple[bytes, bytes | None]) -> None:
    data, secret = whole
    head = data.index(b"\n") + 1
    frame = 4 + int.from_bytes(data[head : head + 4], "big")
    damaged = [
        data[:-1],
        data[: head + frame],  # the first piece only
        data[: head + 2 * frame],
        data[:head] + data[head + frame :],  # the first left out
        data[:head] + data[head + frame : head + 2 * frame] + data[head : head + frame] + data[head + 2 * frame :],
        data + b"x",
        data[: head + 100] + bytes([data[head + 100] ^ 1]) + data[head + 101 :],
        data[:-3] + bytes([data[-3] ^ 128]) + data[-2:],
        b"",
        b"{}\n" + data[head:],
        b"PK\3\4" + data,
    ]
    for one in damaged:
        with pytest.raises(BackupFault):
            read(one, secret)


def test_another_passphrase_is_said_so() -> None:
    data = written(b"secret thing", SECRET)
    with pytest.raises(BackupFault, match="another one"):
        read(data, b"wrong")
    with pytest.raises(BackupFault, match="is needed"):
        read(data, None)
    assert b"secret thing" not in data


def test_the_configuration_is_kept_without_secrets() -> None:
    text = """
[database]
url = "postgresql://callweave:hunter2@db/callweave"
[[pbx]]
name = "main"
secret = "amp109"
secret_file = "main.secret"
browser_secrets = { 1101 = "s1101" }
[mail]
password = 'pass, word'
"""
    kept = without_secrets(text)
    for secret in ("hunter2", "amp109", "s1101", "pass, word"):
        assert secret not in kept
    assert 'name = "main"' in kept and "main.secret" in kept and "# secret: left out" in kept


def test_recordings_come_along(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/log.db"
    Store.open(database, default_region="CN").close()
    folder = tmp_path / "monitor"
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "a.wav").write_bytes(b"RIFF" * 1000)
    (folder / "out.wav").symlink_to("/etc/passwd")
    out = io.BytesIO()
    make(Source(url=database, recordings={"all": folder}), out, None, tmp_path)
    out.seek(0)
    target = Target(url=f"sqlite:///{tmp_path}/new/log.db", recordings={"all": tmp_path / "back"})
    (tmp_path / "new").mkdir()
    restore(out, None, target, tmp_path / "new", None)
    assert (tmp_path / "back" / "2026" / "a.wav").read_bytes() == b"RIFF" * 1000
    assert not (tmp_path / "back" / "out.wav").exists()
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["log.db"]
    sqlite3.connect(tmp_path / "new" / "log.db").close()


async def test_the_files_of_chats_come_back_but_not_of_who_was_erased(url: str, empty: str, tmp_path: Path) -> None:  # noqa: F811
    folder = ChatFolder(tmp_path / "files")
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    kept = {}
    for chat in ("c1", "c2"):
        await store.chats.open(
            NewConversation(id=chat, client_id=f"k-{chat}", visitor="v1", site="shop", queue="q", at=1.0)
        )
        got = await folder.receive(pieces(chat.encode() * 1000), 10_000)
        kept[chat] = got.id
        await store.chats.put_file(
            chat,
            id=got.id,
            name="a.txt",
            type="text/plain",
            size=got.size,
            sha256=got.sha256,
            by="visitor",
            at=1.0,
            scan="clean",
        )
    await asyncio.to_thread(store.close)
    (tmp_path / "files" / "aa").mkdir(exist_ok=True)
    (tmp_path / "files" / "aa" / "draft.part").write_bytes(b"being written")
    out = io.BytesIO()
    await asyncio.to_thread(make, Source(url=url, files=tmp_path / "files"), out, SECRET, tmp_path)
    out.seek(0)
    (tmp_path / "restored").mkdir(exist_ok=True)
    target = Target(url=empty, files=tmp_path / "back")

    def erase(connection: sa.Connection) -> None:
        connection.exec_driver_sql("DELETE FROM chat_files WHERE conversation = 'c2'")

    await asyncio.to_thread(restore, out, SECRET, target, tmp_path / "restored", erase)
    back = ChatFolder(tmp_path / "back")
    assert await back.read(kept["c1"]) == b"c1" * 1000 and await back.read(kept["c2"]) is None
    files = [path for path in (tmp_path / "back").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [kept["c1"]] and files[0].stat().st_mode & 0o777 == 0o600
    again = await asyncio.to_thread(Store.open, empty, default_region="CN")
    assert [one.id for one in await again.chats.files_of("c1")] == [kept["c1"]]
    await asyncio.to_thread(again.close)


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """A content as it comes over the network."""
    yield content[:100]
    yield content[100:]


def test_a_file_that_goes_away_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = f"sqlite:///{tmp_path}/log.db"
    Store.open(database, default_region="CN").close()
    (tmp_path / "files").mkdir()
    for name in ("a", "b"):
        (tmp_path / "files" / name).write_bytes(b"x")
    plain = Path.rglob

    def gone(self: Path, pattern: str) -> list[Path]:
        found = list(plain(self, pattern))
        return [*found, self / "gone"] if self.name == "files" else found

    monkeypatch.setattr(Path, "rglob", gone)
    monkeypatch.setattr(Path, "is_file", lambda self: self.exists() or self.name == "gone")
    manifest = make(Source(url=database, files=tmp_path / "files"), io.BytesIO(), None, tmp_path)
    assert sorted(name for name in manifest["members"] if name.startswith("files/")) == ["files/a", "files/b"]
