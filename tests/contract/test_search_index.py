"""Documents and timeline items go in and out: the same on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from interaction_log import tokens
from interaction_log.migrations.versions import v0011_search
from interaction_log.store import index, items, upgrade_to_head
from interaction_log.store.engine import open_engine
from interaction_log.store.index import Doc
from interaction_log.store.items import Item
from interaction_log.store.search_tables import search_docs, timeline_items
from tests.fakes.postgres import Postgres, shared_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Connection]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/log.db"
        upgrade_to_head(url)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.migrated_database()
    engine = open_engine(url)
    with engine.connect() as one:
        yield one
    engine.dispose()


def holding(connection: sa.Connection, term: str) -> set[str]:
    """The refs of the documents whose index entry holds this term; each week's, on PostgreSQL."""
    found = set()
    for row in connection.execute(sa.select(search_docs.c.id, search_docs.c.ref)).all():
        if connection.dialect.name == "sqlite":
            query = "SELECT 1 FROM search_words WHERE search_words MATCH :code AND rowid = :id"
            code = tokens.coded(term)
        else:
            query = "SELECT 1 FROM search_words WHERE words @@ CAST(:code AS tsquery) AND id = :id"
            code = tokens.coded(term, index.bucket(row.id))
        if connection.execute(sa.text(query), {"code": code, "id": row.id}).first():
            found.add(row.ref)
    return found


def count_words(connection: sa.Connection) -> int:
    if connection.dialect.name == "sqlite":
        query = "SELECT count(*) FROM search_words WHERE search_words MATCH :code"
        return connection.execute(sa.text(query), {"code": tokens.coded("=kind:note")}).scalar_one()
    return connection.execute(sa.text("SELECT count(*) FROM search_words")).scalar_one()


def test_a_document_is_put_replaced_and_dropped(connection: sa.Connection) -> None:
    with connection.begin():
        index.put(connection, Doc("note", "n1", "c1", 1_000.5, "Müller", "北京 broken lamp", queue="support"))
        index.put(connection, Doc("note", "n2", None, 2_000_000.0, "", "lamp\0 \ud800 ok"))
    assert holding(connection, "wlamp") == {"n1", "n2"} and holding(connection, "北京") == {"n1"}
    assert holding(connection, "=queue:support") == {"n1"} and holding(connection, "^mul") == {"n1"}
    connection.rollback()
    with connection.begin():
        index.put(connection, Doc("note", "n1", "c1", 3_000_000.0, "Müller", "repaired"))
    assert holding(connection, "wlamp") == {"n2"} and holding(connection, "wrepaired") == {"n1"}
    connection.rollback()
    with connection.begin():
        index.drop(connection, "note", "n1")
        index.drop(connection, "note", "nobody")
        index.drop(connection, "note", "n2")
    assert count_words(connection) == 0
    assert connection.execute(sa.select(sa.func.count()).select_from(search_docs)).scalar_one() == 0


def test_many_documents_of_one_second_have_numbers_of_their_own(connection: sa.Connection) -> None:
    docs = [Doc("note", f"n{n}", "c", 5.0, f"title{n}", "same") for n in range(900)]
    with connection.begin():
        assert index.put_many(connection, docs) == 900
        assert index.put_many(connection, docs) == 0
    assert len(holding(connection, "wsame")) == 900
    connection.rollback()
    with connection.begin():
        index.drop_many(connection, "note", [f"n{n}" for n in range(0, 900, 2)])
    assert count_words(connection) == 450


def test_all_of_a_customer_goes_out(connection: sa.Connection) -> None:
    with connection.begin():
        docs = [Doc("note", f"n{n}", f"c{n % 3}", n * 1e6, "", "secret") for n in range(30)]
        index.put_many(connection, docs)
        assert index.drop_customers(connection, ["c0", "c1"], most=15) == 15
        assert index.drop_customers(connection, ["c0", "c1"]) == 5
        assert index.drop_customers(connection, ["c0", "c1"]) == 0
    assert holding(connection, "wsecret") == {f"n{n}" for n in range(2, 30, 3)}


def test_an_item_is_put_replaced_and_dropped(connection: sa.Connection) -> None:
    with connection.begin():
        items.put(connection, Item("case", "k1", "c1", 5.0, "Broken lamp", actor="anna", public={"state": "open"}))
        items.put(connection, Item("case", "k1", "c1", 6.0, "Broken lamp", public={"state": "closed"}))
        items.put(connection, Item("task", "k1", "c1", 7.0, "Call back"))
        items.drop(connection, "task", "k1")
        items.drop(connection, "task", "k2")
    (row,) = connection.execute(sa.select(timeline_items)).all()
    assert (row.kind, row.ref, row.at, row.actor, row.public) == ("case", "k1", 6.0, None, '{"state": "closed"}')


def test_the_tables_go_and_come_with_data_in_them(connection: sa.Connection) -> None:
    with connection.begin():
        index.put(connection, Doc("note", "n1", "c1", 1_000.5, "Müller", "lamp"))
        items.put(connection, Item("case", "k1", "c1", 5.0, "Lamp"))
    with connection.begin(), Operations.context(MigrationContext.configure(connection)):
        v0011_search.downgrade()
        names = set(sa.inspect(connection).get_table_names())
        assert not {"search_docs", "search_state", "timeline_items", "search_words"} & names
        v0011_search.upgrade()
    with connection.begin():
        index.put(connection, Doc("note", "n1", "c1", 1_000.5, "Müller", "lamp"))
    assert holding(connection, "wlamp") == {"n1"}
