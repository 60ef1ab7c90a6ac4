"""The audit trail on SQLite and PostgreSQL: appended in order by many, and every change of it is found."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from cti_gateway.cli import audit as cli
from interaction_log.records import AuditEntry
from interaction_log.store import Store
from interaction_log.store.audit import BEGINNING, AuditFilter, Head, audit
from interaction_log.store.audit_guard import take_down
from interaction_log.store.engine import open_engine
from interaction_log.store.teams_tables import audit_head
from tests.contract.test_store import postgres, store, url  # noqa: F401 (fixtures)


def entry(n: int = 1, **more: object) -> AuditEntry:
    fields = {"at": 1000.25 + n, "actor": "sofia", "action": "listen", "subject": "anna", "reason": f"调查 {n}"} | more
    return AuditEntry(**fields, details={"mode": "whisper", "interaction_id": f"i{n}"})  # type: ignore[arg-type]


async def test_rows_are_numbered_chained_and_whole(store: Store, url: str) -> None:  # noqa: F811
    assert (await store.audit.verify()).last_hash == BEGINNING
    await asyncio.gather(*(store.audit.append(entry(n)) for n in range(20)))
    other = Store.open(url, default_region="CN")  # a command line beside the program
    await asyncio.gather(*(s.audit.append(entry(n)) for n in range(20, 30) for s in (store, other)))
    other.close()
    found = await store.audit.verify()
    rows = await store.audit.page(1_000)
    assert (found.rows, found.broken_at) == (40, None)
    assert [row.n for row in rows] == list(range(40, 0, -1)) and rows[0].hash == found.last_hash
    assert rows[-1].entry in [entry(n) for n in range(20)]
    assert [row.n for row in await store.audit.page(2, before=5)] == [4, 3]


CHANGES: dict[str, tuple[Callable[[sa.Table], sa.Executable], int]] = {
    "a reason": (lambda t: sa.update(t).where(t.c.n == 3).values(reason="nothing"), 3),
    "who it was": (lambda t: sa.update(t).where(t.c.n == 2).values(actor="ben"), 2),
    "a row taken out": (lambda t: sa.delete(t).where(t.c.n == 3), 3),
    "the first row taken out": (lambda t: sa.delete(t).where(t.c.n == 1), 1),
    "a time": (lambda t: sa.update(t).where(t.c.n == 5).values(at=1.0), 5),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_change_is_found(store: Store, url: str, what: str) -> None:  # noqa: F811
    for n in range(5):
        await store.audit.append(entry(n))
    statement, broken = CHANGES[what]
    engine = open_engine(url)
    with engine.begin() as connection:
        take_down(connection)
        connection.execute(statement(audit))
    engine.dispose()
    assert (await store.audit.verify()).broken_at == broken


async def test_the_command_lists_and_verifies(store: Store, url: str, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    await store.audit.append(entry())
    await store.audit.append(entry(2, action="force_state", outcome="refused"))
    assert await cli.run(Namespace(verb="list", limit=10, json=False), store.audit) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and "sofia listen anna done" in said[0] and "why: 调查 2" in said[1]
    assert await cli.run(Namespace(verb="verify", json=False), store.audit) == 0
    assert "2 entries" in capsys.readouterr().out
    engine = open_engine(url)
    with engine.begin() as connection:
        take_down(connection)
        connection.execute(sa.update(audit).values(subject="ben"))
    engine.dispose()
    assert await cli.run(Namespace(verb="verify", json=True), store.audit) == 1


@pytest.mark.parametrize("statement", [sa.update(audit).values(reason="x"), sa.delete(audit)], ids=["UPDATE", "DELETE"])
async def test_the_database_itself_refuses_changes(store: Store, url: str, statement: sa.Executable) -> None:  # noqa: F811
    await store.audit.append(entry())
    engine = open_engine(url)
    with pytest.raises(sa.exc.DBAPIError, match="only added to"), engine.begin() as connection:
        connection.execute(statement)
    if engine.dialect.name == "postgresql":
        with pytest.raises(sa.exc.DBAPIError, match="only added to"), engine.begin() as connection:
            connection.execute(sa.text("TRUNCATE audit"))
    engine.dispose()
    assert (await store.audit.verify()).broken_at is None


async def test_rows_cut_off_at_the_end_are_found(store: Store, url: str) -> None:  # noqa: F811
    for n in range(5):
        await store.audit.append(entry(n))
    noted = await store.audit.head()
    assert noted.n == 5 and (await store.audit.verify(noted)).broken_at is None
    engine = open_engine(url)
    with engine.begin() as connection:
        take_down(connection)
        connection.execute(sa.delete(audit).where(audit.c.n > 3))
    found = await store.audit.verify()
    assert found.broken_at == 4 and "missing at the end" in (found.why or "")
    await store.audit.append(entry(9))  # going on does not hide it
    assert (await store.audit.verify()).broken_at == 4
    with engine.begin() as connection:  # somebody mends the head too: only a head that was noted elsewhere tells
        connection.execute(sa.delete(audit).where(audit.c.n > 3))
        third = connection.execute(sa.select(audit).where(audit.c.n == 3)).one()
        connection.execute(sa.update(audit_head).values(n=3, hash=third.hash))
    engine.dispose()
    assert (await store.audit.verify()).broken_at is None
    assert (await store.audit.verify(noted)).broken_at == 4
    assert (await store.audit.verify(Head(2, "0" * 64))).broken_at == 2


async def test_entries_are_filtered(store: Store) -> None:  # noqa: F811
    for n in range(6):
        await store.audit.append(entry(n, actor="sofia" if n % 2 else "admin", action="listen" if n < 3 else "merge"))
    assert await store.audit.actions() == ["listen", "merge"]
    found = await store.audit.page(10, None, AuditFilter(actor="admin", action="merge"))
    assert [row.entry.at for row in found] == [1004.25]
    found = await store.audit.page(10, None, AuditFilter(start=1002.25, end=1004.25))
    assert [row.entry.at for row in found] == [1003.25, 1002.25]


def test_a_head_is_read_as_it_is_written() -> None:
    head = Head(7, "ab" * 32)
    assert Head.read(f" {head}\n") == head
    for wrong in ("", "7", "7:xyz", "-1:" + "ab" * 32, "7:" + "AB" * 32):
        with pytest.raises(ValueError, match="64 hexadecimal"):
            Head.read(wrong)
