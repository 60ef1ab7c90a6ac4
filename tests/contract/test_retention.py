"""How long what is kept stays: rules by channel and queue, holds before rules, nothing that a rule does not name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.privacy.registers import load_all
from interaction_log.store import EventLog, upgrade_to_head
from interaction_log.store import retention as r
from interaction_log.store import schema as s
from interaction_log.store.engine import open_engine
from interaction_log.store.privacy_tables import event_keys, holds
from interaction_log.store.retention import DAY_SECONDS, Rule
from tests.fakes.postgres import Postgres, shared_postgres

DAY = DAY_SECONDS
NOW = 1_700_000_000.0


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    load_all()
    if request.param == "sqlite":
        upgrade_to_head(f"sqlite:///{tmp_path}/log.db")
        return f"sqlite:///{tmp_path}/log.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.migrated_database()


def contact(of: str, days: float, queue: str | None = "support", *, ended: bool = True) -> list[e.Event]:
    """A contact that ended so many days ago."""
    at = NOW - days * DAY
    told: list[e.Event] = [
        e.InteractionStarted(
            at=at - 60, interaction_id=of, pbx="main", channel="voice", direction="inbound",
            customer_address="+861", customer_name=None, dialled=None, unique_id=of, linked_id=of,
        )
    ]  # fmt: skip
    if queue is not None:
        told += [e.QueueEntered(at=at - 59, interaction_id=of, queue=queue)]
        told += [e.QueueLeft(at=at - 1, interaction_id=of, queue=queue, result="answered")]
    told += [e.NoteWritten(at=at - 2, interaction_id=of, agent="anna", text="said")]
    return (
        [*told, e.InteractionEnded(at=at, interaction_id=of, outcome="answered", ended_by="agent")] if ended else told
    )


async def told(url: str, folder: Path, *events: e.Event) -> None:
    log = await asyncio.to_thread(EventLog.open, url, folder / "journal", on_state=lambda _: None)
    try:
        seq = 0
        for event in events:
            seq = log.next_seq()
            log.append(e.Recorded(seq, event))
        await asyncio.wait_for(log.durable(seq), 20)
        await asyncio.wait_for(log.shown(), 20)
    finally:
        await asyncio.to_thread(log.close)


def swept(url: str, rules: list[Rule], what: r.What) -> int:
    """Expire all that is over, as the program does it; how many rows."""
    engine = open_engine(url)
    counted, done, after = 0, 0, ()  # type: tuple[int, int, Any]
    with engine.connect() as connection:
        counted = r.count(connection, rules, what, NOW)
    while after is not None:
        with engine.begin() as connection:
            page = r.due(connection, rules, what, NOW, after)
            done += r.expire(connection, what, page.rows)
            after = page.after
    engine.dispose()
    assert counted == done, "the dry run says what is done"
    return done


def left(url: str, query: sa.Select[Any]) -> set[Any]:
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        found = set(connection.execute(query).scalars())
    engine.dispose()
    return found


def test_the_first_rule_that_fits_decides() -> None:
    rules = [
        Rule(what="notes", days=10, queue="vip"),
        Rule(what="notes", days=30, channel="voice"),
        Rule(what="events", days=1),
    ]
    assert r.days_of(rules, "notes", "voice", "vip") == 10
    assert r.days_of(rules, "notes", "voice", None) == 30
    assert r.days_of(rules, "notes", "email", "support") is None
    assert r.days_of(rules, "events", None, None) == 1


async def test_events_expire_by_queue_with_their_keys_and_the_contact_stays(url: str, tmp_path: Path) -> None:
    many = contact("old", 100) + contact("young", 10) + contact("vip", 100, "vip") + contact("open", 100, ended=False)
    await told(url, tmp_path, *many, e.AgentStateChanged(at=NOW - 200 * DAY, agent="anna", state="READY"))
    rules = [Rule(what="events", days=365, queue="vip"), Rule(what="events", days=90)]
    assert swept(url, rules, "events") == len(contact("old", 1)) + 1
    assert left(url, sa.select(s.events.c.interaction_id)) == {"young", "vip", "open"}
    assert left(url, sa.select(s.interactions.c.id)) == {"old", "young", "vip", "open"}
    began = left(url, sa.select(s.interactions.c.began).where(s.interactions.c.id != "old"))
    assert left(url, sa.select(event_keys.c.n)) == began
    assert swept(url, rules, "events") == 0


async def test_contacts_and_notes_expire_and_holds_keep_them(url: str, tmp_path: Path) -> None:
    await told(url, tmp_path, *(one for n in range(6) for one in contact(f"c{n}", 50 + n)))
    engine = open_engine(url)
    who = {"reason": "court", "set_by": "admin", "set_at": 1.0}
    with engine.begin() as connection:
        connection.execute(sa.update(s.interactions).where(s.interactions.c.id == "c1").values(customer_id="ann"))
        for row in (
            {"id": "1", "kind": "interaction", "subject": "c0", "from_at": None, "to_at": None},
            {"id": "2", "kind": "customer", "subject": "ann", "from_at": None, "to_at": None},
            {"id": "3", "kind": "period", "subject": None, "from_at": NOW - 52.5 * DAY, "to_at": NOW - 51.9 * DAY},
        ):
            connection.execute(sa.insert(holds).values(row | who))
    engine.dispose()
    assert swept(url, [Rule(what="notes", days=55)], "notes") == 0
    assert swept(url, [Rule(what="notes", days=54)], "notes") == 1
    assert left(url, sa.select(s.interactions.c.id).where(s.interactions.c.notes.is_(None))) == {"c5"}
    assert swept(url, [Rule(what="interactions", days=10, queue="sales")], "interactions") == 0
    assert swept(url, [Rule(what="interactions", days=10)], "interactions") == 3
    kept = {"c0", "c1", "c2"}
    for column in (s.interactions.c.id, s.events.c.interaction_id, s.queue_visits.c.interaction_id):
        assert left(url, sa.select(column)) == kept


async def test_many_pages(url: str, tmp_path: Path) -> None:
    await told(url, tmp_path, *(one for n in range(250) for one in contact(f"c{n:04}", 100 - n / 10)))
    rules = [Rule(what="events", days=80), Rule(what="interactions", days=90)]
    assert swept(url, rules, "interactions") == 100
    assert swept(url, rules, "events") == 100 * len(contact("x", 1))
    assert len(left(url, sa.select(s.interactions.c.id))) == 150
