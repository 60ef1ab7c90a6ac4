"""Sensitive custom fields: sealed in the database, in clear for whoever may read them, gone without the key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from interaction_log import tokens
from interaction_log.found import Question, Scope
from interaction_log.records import CustomField
from interaction_log.store import Store, index, index_seal, sealed_fields, sealed_text, sealing
from interaction_log.store import schema as s
from interaction_log.store.engine import open_engine
from interaction_log.store.master_key import make
from interaction_log.store.search_feed import SearchFeed
from interaction_log.store.search_tables import search_docs
from tests.fakes.postgres import Postgres, shared_postgres

SECRET = "zqmark-diagnosis"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/log.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.migrated_database()


@pytest.fixture
def key(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "master.key"
    make(path)
    yield path
    sealed_fields.forget()


def field(code: str, *, sensitive: bool) -> CustomField:
    return CustomField(code=code, labels={"en": code}, type="text", sensitive=sensitive)


def stored(url: str) -> str:
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        text = "".join(connection.execute(sa.select(s.customers.c.public)).scalars())
        every = [list(connection.execute(sa.select(table))) for table in s.metadata.tables.values()]
    engine.dispose()
    assert (SECRET in text) == (SECRET in repr(every))
    return text


async def test_sealed_at_rest_and_read_by_who_may(url: str, key: Path) -> None:
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    await store.records.fields.put(field("illness", sensitive=True))
    await store.records.fields.put(field("colour", sensitive=False))
    made = await store.customers.create(
        {"name": "Wong", "phones": ["+8613812345678"], "fields": {"illness": SECRET, "colour": "red"}}
    )
    assert made.fields == {"illness": SECRET, "colour": "red"}
    text = stored(url)
    assert SECRET not in text and "red" in text
    assert (await store.customers.get(made.id)).fields == made.fields
    match = await store.customers.find_caller("+8613812345678")
    assert match.customer is not None and match.customer["fields"] == made.fields
    changed = await store.customers.update(made.id, {"name": "Wong Mei"})
    assert changed.fields == made.fields and SECRET not in stored(url)
    await asyncio.to_thread(store.close)


async def test_a_field_that_becomes_sensitive_is_sealed_where_it_stands(url: str, key: Path) -> None:
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    await store.records.fields.put(field("illness", sensitive=False))
    made = await store.customers.create({"name": "Wong", "fields": {"illness": SECRET}})
    assert SECRET in stored(url)
    await store.records.fields.put(field("illness", sensitive=True))
    assert SECRET not in json.dumps(stored(url))
    assert (await store.customers.get(made.id)).fields == {"illness": SECRET}
    await asyncio.to_thread(store.close)


def test_another_record_or_another_key_opens_nothing(key: Path, tmp_path: Path) -> None:
    sealed_fields.use(key)
    public = {"id": "a", "fields": {"x": 7.5, "y": True}}
    kept = sealed_fields.sealed(public, {"x", "y"})
    assert sealed_fields.opened(json.dumps(kept)) == public
    assert sealed_fields.opened(json.dumps({**kept, "id": "b"}))["fields"] == {}
    make(tmp_path / "other")
    sealed_fields.use(tmp_path / "other")
    assert sealed_fields.opened(json.dumps(kept))["fields"] == {}


# --- texts ---------------------------------------------------------------------------------------


def in_clear(url: str) -> list[str]:
    """Tables in which the marker can be read."""
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        found = [
            table.name
            for table in s.metadata.tables.values()
            if SECRET in repr([list(r) for r in connection.execute(sa.text(f'SELECT * FROM "{table.name}"'))])
        ]
    engine.dispose()
    return found


async def test_notes_and_the_words_of_the_search_are_sealed_and_still_found(url: str, key: Path) -> None:
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    made = await store.customers.create(
        {"name": "Wong", "phones": ["+8613812345678"], "notes": f"{SECRET} 王先生喜欢茶"}
    )
    assert in_clear(url) == []
    assert (await store.customers.get(made.id)).notes == made.notes == f"{SECRET} 王先生喜欢茶"
    match = await store.customers.find_caller("+8613812345678")
    assert match.customer is not None and match.customer["notes"] == made.notes
    for text in ("diagnosis", "喜欢", "12345678"):
        (found,) = (await store.search.find(Question(text=text), Scope(everything=True))).items
        assert found.ref == made.id and SECRET in found.snippet
    await store.customers.update(made.id, {"name": "Wong Mei"})
    assert in_clear(url) == [] and SECRET in ((await store.customers.get(made.id)).notes or "")
    await store.customers.delete(made.id)
    assert not (await store.search.find(Question(text="diagnosis"), Scope(everything=True))).items
    await asyncio.to_thread(store.close)


async def found(store: Store, text: str) -> list[str]:
    """All of it; on a busy machine a page ends early."""
    refs, cursor = [], None
    while True:
        page = await store.search.find(Question(text=text, limit=100, cursor=cursor), Scope(everything=True))
        refs += [one.ref for one in page.items]
        if (cursor := page.next) is None:
            return refs


def terms(url: str, term: str, key: bytes) -> int:
    """How many documents the index itself has for a word, hashed with this key."""
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        if url.startswith("sqlite"):
            query = "SELECT count(*) FROM search_words WHERE search_words MATCH :word"
            count = connection.execute(sa.text(query), {"word": tokens.coded(term, "", key)}).scalar_one()
        else:
            ids = connection.execute(sa.select(search_docs.c.id)).scalars()
            weeks = {index.bucket(of) for of in ids} or {""}
            words = " | ".join(tokens.coded(term, week, key) for week in weeks)
            query = "SELECT count(*) FROM search_words WHERE words @@ CAST(:word AS tsquery)"
            count = connection.execute(sa.text(query), {"word": words}).scalar_one()
    engine.dispose()
    return int(count)


async def test_what_stood_in_clear_before_is_sealed_in_idle_time(url: str, key: Path) -> None:
    bare = await asyncio.to_thread(Store.open, url, default_region="CN")
    ids = [(await bare.customers.create({"name": f"C{n}", "notes": f"{SECRET} {n}"})).id for n in range(120)]
    assert set(in_clear(url)) == {"customers", "search_docs"}
    await asyncio.to_thread(bare.close)
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    feed = SearchFeed(store._reading, store._writing)
    steps = 0
    while await feed.step():
        steps += 1
        assert len(await found(store, "diagnosis")) == 120, "whatever is done already"
    assert in_clear(url) == [] and await store._reading(sealing.clear_left) == 0 and steps > 4
    assert not await feed.step()
    for n, of in enumerate(ids):
        assert (await store.customers.get(of)).notes == f"{SECRET} {n}"
    assert len(await found(store, "diagnosis")) == 120
    assert terms(url, "wdiagnosis", b"") == 0 and terms(url, "wdiagnosis", index_seal.term_key()) == 120
    await asyncio.to_thread(store.close)


async def test_a_process_without_the_key_loses_nothing(url: str, key: Path) -> None:
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    made = await store.customers.create({"name": "Wong", "notes": SECRET})
    await asyncio.to_thread(store.close)
    sealed_fields.forget()
    bare = await asyncio.to_thread(Store.open, url, default_region="CN")
    assert SECRET not in ((await bare.customers.get(made.id)).notes or "")
    await bare.customers.update(made.id, {"name": "Wong Mei"})
    await asyncio.to_thread(bare.close)
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    assert (await store.customers.get(made.id)).notes == SECRET and in_clear(url) == []
    await asyncio.to_thread(store.close)


def test_the_texts_that_are_sealed() -> None:
    """A text column of a customer's that is in clear has a line here, with its reason in docs/privacy.md."""
    assert {table.name: names for table, names in sealed_text.columns(s.metadata).items()} == {
        "cases": ["text"],
        "consents": ["note"],
        "customers": ["notes"],
        "interactions": ["notes"],
        "relations": ["note"],
        "surveys": ["comment"],
        "tasks": ["notes"],
        "timeline_items": ["text"],
    }


async def test_the_index_is_filled_again_when_its_keys_are_lost(url: str, key: Path) -> None:
    """They are in no backup: without them nothing of the index's texts can be read, and all is made of the records."""
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    made = await store.customers.create({"name": "Wong", "notes": SECRET})
    case = await store.records.cases.create(
        {"type": "complaint", "title": "lamp", "text": SECRET, "customer_id": made.id}, "anna", 1.0
    )
    task = await store.records.tasks.create({"title": "lamp", "notes": SECRET, "customer_id": made.id}, "anna", 1.0)
    feed = store.feed
    while await feed.step():
        pass
    everything = sorted([made.id, case["id"], task.id])
    assert sorted(await found(store, "diagnosis")) == everything
    await asyncio.to_thread(store.close)
    sealed_fields.index_beside(key).unlink()
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    assert await found(store, "diagnosis") == [] == await found(store, "")
    assert await store.feed.step() and (await store.search.find(Question(text="x"), Scope(everything=True))).filling
    while await store.feed.step():
        pass
    assert sorted(await found(store, "diagnosis")) == everything
    assert not (await store.search.find(Question(text="x"), Scope(everything=True))).filling
    await asyncio.to_thread(store.close)


async def test_a_process_without_the_key_has_its_words_made_anew(url: str, key: Path) -> None:
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    made = await store.customers.create({"name": "Wong", "notes": SECRET})
    while await store.feed.step():
        pass
    await asyncio.to_thread(store.close)
    sealed_fields.forget()
    bare = await asyncio.to_thread(Store.open, url, default_region="CN")
    other = await bare.customers.create({"name": "Li", "notes": SECRET})
    assert await found(bare, "diagnosis") == [other.id]
    await asyncio.to_thread(bare.close)
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    assert sorted(await found(store, "diagnosis")) == sorted([made.id, other.id])
    while await store.feed.step():
        pass
    assert sorted(await found(store, "diagnosis")) == sorted([made.id, other.id])
    assert terms(url, "wdiagnosis", b"") == 0 and "search_docs" not in in_clear(url)
    await asyncio.to_thread(store.close)
