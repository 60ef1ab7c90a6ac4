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
from interaction_log.store.audit import BEGINNING, audit
from interaction_log.store.engine import open_engine
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
        connection.execute(sa.update(audit).values(subject="ben"))
    engine.dispose()
    assert await cli.run(Namespace(verb="verify", json=True), store.audit) == 1
