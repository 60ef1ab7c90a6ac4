"""Sensitive custom fields: sealed in the database, in clear for whoever may read them, gone without the key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from interaction_log.records import CustomField
from interaction_log.store import Store, sealed_fields
from interaction_log.store import schema as s
from interaction_log.store.engine import open_engine
from interaction_log.store.master_key import make
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
    sealed_fields._Site.master = sealed_fields._Site.path = None


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
