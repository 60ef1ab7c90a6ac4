"""A person's timeline and the feed of the index: on both databases, from events to what is found."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from cti_gateway.cli import db
from interaction_log import events as e
from interaction_log.found import Question, Scope
from interaction_log.records import Refused
from interaction_log.store import EventLog, Store, items, upgrade_to_head
from interaction_log.store.history import page
from interaction_log.store.identity_tables import customer_links
from interaction_log.store.items import Item
from interaction_log.store.schema import interactions, legs
from interaction_log.store.search_fill import reindex, state
from interaction_log.store.search_tables import search_docs, search_state
from tests.fakes.call_events import call, calls
from tests.fakes.postgres import Postgres, shared_postgres

ALL = Scope(everything=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/log.db"
        upgrade_to_head(url)
        return url
    server: Postgres = request.getfixturevalue("postgres")
    return server.migrated_database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    one = await asyncio.to_thread(Store.open, url, default_region="CN")
    yield one
    await asyncio.to_thread(one.close)


def contact(of: str, customer: str, at: float, channel: str = "voice", **more: Any) -> dict[str, Any]:
    """A finished interaction as the projection has it."""
    row = dict.fromkeys(interactions.c.keys())
    row |= {"id": of, "began": 1, "pbx": "main", "channel": channel, "direction": "inbound", "sorted_at": at}
    row |= {"started_at": at, "ended": True, "ended_at": at + 60, "outcome": "answered", "customer_id": customer}
    row |= {"talk_seconds": 41.0, "hold_seconds": 0.0, "public": "{}"}
    return row | more


async def everything(store: Store, customer: str, limit: int, kinds: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    cursor = None
    while True:
        entries, cursor = await store.history.page(customer, kinds, limit, cursor)
        assert len(entries) <= limit
        found += [(one["kind"], one["ref"]) for one in entries]
        if cursor is None:
            return found


async def test_contacts_and_items_of_all_members_come_in_one_order(store: Store) -> None:
    def fill(connection: sa.Connection) -> None:
        rows = [contact(f"i{n}", f"c{n % 3}", 1_000.0 + n // 2) for n in range(12)]
        rows += [contact("m1", "c0", 1_002.0, "email"), contact("other", "c9", 1_003.0)]
        connection.execute(sa.insert(interactions), rows)
        for n in range(8):
            items.put(connection, Item("case" if n % 2 else "note", f"k{n}", f"c{n % 3}", 1_000.0 + n, f"t{n}"))
        connection.execute(sa.insert(customer_links), [{"member": "c1", "root": "c0"}])

    await store._writing(fill)
    whole = [(1_000.0 + n // 2, 0, "voice", f"i{n}") for n in range(12) if n % 3 < 2]
    whole += [(1_002.0, 0, "email", "m1")]
    whole += [(1_000.0 + n, 1, "case" if n % 2 else "note", f"k{n}") for n in range(8) if n % 3 < 2]
    whole.sort(key=lambda one: (-one[0], one[1], one[3] if one[1] == 0 else f"{one[2]}:{one[3]}"))
    expected = [(kind, ref) for _, _, kind, ref in whole]
    for limit in (1, 2, 3, 7, 100):
        assert await everything(store, "c0", limit) == await everything(store, "c1", limit) == expected
    for kinds in (("case",), ("voice",), ("email", "note"), ("nothing",)):
        assert await everything(store, "c1", 2, kinds) == [one for one in expected if one[0] in kinds]


async def test_a_contact_has_its_legs_transfers_and_recordings(store: Store) -> None:
    public = (
        '{"ended_at": 70.0, "transfers": [{"kind": "blind", "from": "PJSIP/1001", "to": "queue:sales", '
        '"completed": true}], "recordings": [{"id": "r1"}], "queue_visits": [{"queue": "support"}]}'
    )

    def leg(kind: str, n: int, agent: str | None, device: str, start: float, result: str) -> dict[str, Any]:
        row = {"interaction_id": "i1", "kind": kind, "n": n, "device": device, "agent": agent, "queue": "support"}
        return row | {"from_at": start, "to_at": start + 5, "result": result}

    def fill(connection: sa.Connection) -> None:
        row = contact("i1", "c0", 10.0, public=public, notes="lamp", disposition="resolved", queue="support")
        connection.execute(sa.insert(interactions), [row])
        told = [
            leg("segment", 1, None, "PJSIP/1002", 30, "ended"),
            leg("offer", 0, "anna", "PJSIP/1001", 12, "answered"),
            leg("segment", 0, "anna", "PJSIP/1001", 15, "transferred"),
        ]
        connection.execute(sa.insert(legs), told)

    await store._writing(fill)
    ((one,), following) = await store.history.page("c0", (), 10, None)
    assert following is None and one["text"] == "lamp" and one["actor"] == "PJSIP/1002"
    found = one["contact"]
    assert [(leg["kind"], leg["agent"], leg["result"]) for leg in found["legs"]] == [
        ("offer", "anna", "answered"),
        ("segment", "anna", "transferred"),
        ("segment", "PJSIP/1002", "ended"),
    ]
    assert found["transfers"][0]["to"] == "queue:sales" and found["recordings"] == [{"id": "r1"}]
    assert found["disposition"] == "resolved" and found["ended_at"] == 70.0


async def test_a_foreign_cursor_is_refused(store: Store) -> None:
    for cursor in ("x", "WzEuMF0", "WzEuMCwgNSwgIngiXQ"):
        with pytest.raises(Refused):
            await store.history.page("c0", (), 10, cursor)


async def refs(store: Store, text: str, **more: Any) -> list[str]:
    found, cursor = [], None
    while True:  # a page of a busy machine may end early
        page = await store.search.find(Question(text=text, limit=100, cursor=cursor, **more), ALL)
        found += [one.ref for one in page.items]
        if page.next is None:
            return found
        cursor = page.next


async def caught_up(store: Store) -> None:
    while await store.feed.step():
        pass


async def test_what_the_log_is_told_is_found_behind_it(store: Store, url: str, tmp_path: Path) -> None:
    await caught_up(store)
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "journal", on_state=lambda _state: None)
    try:
        told = list(call(0))
        for event in [e.AgentSignedIn(at=1.0, agent="agent0", name="A", devices=["PJSIP/1001"]), *told]:
            log.append(e.Recorded(log.next_seq(), event))
        await log.shown()
        await caught_up(store)
        (of,) = {one.interaction_id for one in told if isinstance(one, e.InteractionEvent)}
        assert await refs(store, "好") == await refs(store, "", queue="support") == [of]
        assert await refs(store, "support resolved agent0") == [of]
        assert not await store.feed.step()
        note = e.NoteWritten(at=9.0, interaction_id=of, agent="agent0", text="灯泡坏了")
        log.append(e.Recorded(log.next_seq(), note))
        await log.shown()
        await caught_up(store)
        assert await refs(store, "灯泡") == [of]
    finally:
        await asyncio.to_thread(log.close)


async def test_what_was_there_before_the_index_is_filled_in(store: Store, url: str, tmp_path: Path) -> None:
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "journal", on_state=lambda _state: None)
    for event in calls(20, 4):
        log.append(e.Recorded(log.next_seq(), event))
    await log.shown()
    await asyncio.to_thread(log.close)
    customer = await store.customers.create({"name": "Mia Müller", "phones": ["13800138000"]})
    assert (await store.search.find(Question(text="x"), ALL)).filling, "it says so before it begins"
    assert await store.feed.step() and (await store.search.find(Question(text="x"), ALL)).filling
    await caught_up(store)
    assert not (await store.search.find(Question(text="x"), ALL)).filling
    everyone = await refs(store, "", kinds=("interaction",))
    assert len(everyone) == 20
    assert await refs(store, "mull") == [customer.id]
    assert await refs(store, "0138-0013-8000", kinds=("customer",)) == [customer.id]

    def forget(connection: sa.Connection) -> None:
        connection.execute(sa.delete(search_state))

    await store._writing(forget)
    told: list[tuple[int, int]] = []
    for everything_anew in (False, True):
        await asyncio.to_thread(
            reindex, store._writing, everything=everything_anew, progress=lambda *one: told.append(one)
        )
        assert await refs(store, "", kinds=("interaction",)) == everyone
        assert await refs(store, "mull") == [customer.id] and told[-1] == (21, 21)
    assert (await store._reading(state))["filling"] is None and not await store.feed.step()


async def test_customers_are_found_at_once_and_no_longer_when_they_are_gone(store: Store) -> None:
    one = await store.customers.create(
        {"name": "王小明", "organisation": "北京路灯公司", "emails": ["Wang@Example.com"]}
    )
    assert await refs(store, "小明") == await refs(store, "路灯") == await refs(store, "wang@example.com") == [one.id]
    await store.customers.update(one.id, {"name": "李大伟"})
    assert await refs(store, "小明") == [] and await refs(store, "大伟") == [one.id]
    await store.customers.delete(one.id)
    assert await refs(store, "大伟") == []
    count = sa.select(sa.func.count()).select_from(search_docs)
    assert await store._reading(lambda connection: connection.execute(count).scalar_one()) == 0


async def test_a_page_reads_only_what_it_shows(store: Store) -> None:
    """However long the history is: the rows come by the index, no more than asked for."""

    def fill(connection: sa.Connection) -> None:
        connection.execute(sa.insert(interactions), [contact(f"i{n}", "c0", float(n)) for n in range(3_000)])

    await store._writing(fill)
    asked: list[str] = []

    def watched(connection: sa.Connection) -> int:
        sa.event.listen(connection, "before_cursor_execute", lambda *args: asked.append(args[2]))
        return len(page(connection, "c0", (), 20, None)[0])

    assert await store._reading(watched) == 20 and len(asked) <= 6


async def test_the_command_makes_the_index_anew_unless_the_program_runs(
    store: Store, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: Any = SimpleNamespace(database=SimpleNamespace(url=url))
    again = Namespace(verb="reindex", all=False)
    anew = Namespace(verb="reindex", all=True)
    customer = await store.customers.create({"name": "Mia Müller"})
    await store._writing(lambda connection: connection.execute(sa.delete(search_docs)))
    assert await refs(store, "mia") == []
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "journal", on_state=lambda _state: None)
    assert await asyncio.to_thread(db.run, anew, settings) == 1 and "db reindex" in capsys.readouterr().err
    await asyncio.to_thread(log.close)
    assert await asyncio.to_thread(db.run, anew, settings) == 0
    assert await refs(store, "mia") == [customer.id]
    assert await asyncio.to_thread(db.run, again, settings) == 0
    assert await refs(store, "mia") == [customer.id] and "1 customers" in capsys.readouterr().out
