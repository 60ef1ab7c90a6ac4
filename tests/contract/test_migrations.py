"""Every released schema comes up to this one with data in it, goes back, and comes up again; nothing of it is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from interaction_log.store import upgrade_to_head
from interaction_log.store.engine import open_engine
from interaction_log.store.migrate import _config, schemas, upgrade_to
from tests.fakes.postgres import Postgres, shared_postgres

LAST = "0023"
"""Of the version before this one."""
RELEASED = [one for one in sorted(schemas()) if one <= LAST]
OURS = [one for one in sorted(schemas()) if one > LAST]
FIRST = "0007"
"""So far back goes the walk with data in every table."""
ROWS = 3
APART = frozenset({"alembic_version", "lease"})
EMPTIED = {("quarantine", "content")}
"""What 0012 empties: rows that were put aside could hold anybody's name."""
JSON = {
    "public": json.dumps({"customer_name": "王小明", "id": "x", "name": "王"}),
    "payload": json.dumps({"agent": "anna"}),
    "details": "{}",
    "labels": json.dumps({"en": "a"}),
    "skills": "{}",
    "queues": "[]",
}
"""Columns that hold JSON, as the program writes them."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/log.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new_database()
    made = open_engine(url)
    yield made
    made.dispose()


def to(engine: sa.Engine, schema: str) -> None:
    with engine.begin() as connection:
        upgrade_to(connection, schema)


def back(engine: sa.Engine, schema: str) -> None:
    with engine.begin() as connection:
        command.downgrade(_config(connection), schema)


def tables(engine: sa.Engine) -> dict[str, sa.Table]:
    """As they are in the database, without those that an index makes for itself."""
    found = sa.MetaData()
    with engine.connect() as connection:
        names = [one for one in sa.inspect(connection).get_table_names() if not one.startswith("search_words")]
        found.reflect(connection, only=[one for one in names if one not in APART])
    return dict(found.tables)


def fill(engine: sa.Engine) -> None:
    """Some rows in every table."""
    every = tables(engine)
    with engine.begin() as connection:
        for name, table in every.items():
            rows = [{c.name: value(c, n, name) for c in table.c} for n in range(1, ROWS + 1)]
            connection.execute(sa.insert(table), rows)


def value(column: sa.Column[Any], n: int, table: str) -> Any:
    kind = column.type.python_type
    if kind is str:
        if column.name in JSON:
            return JSON[column.name]
        return f"{table}.{column.name}.{n}"
    return bool(n % 2) if kind is bool else kind(1000 + n)


def content(engine: sa.Engine, like: dict[str, sa.Table] | None = None) -> dict[str, list[dict[str, Any]]]:
    """All rows, by table; of the tables and columns of ``like`` only."""
    found = {}
    here = tables(engine)
    with engine.connect() as connection:
        for name, table in here.items():
            if like is not None and name not in like:
                continue
            wanted = [c for c in table.c if like is None or c.name in like[name].c]
            rows = [dict(row._mapping) for row in connection.execute(sa.select(*wanted))]
            found[name] = sorted(rows, key=repr)
    return found


def comparable(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Without what a migration changes on purpose: customers' JSON gets more fields, what was put aside is emptied."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table, every in rows.items():
        some = [row for row in every if table != "meta" or row["key"].startswith("meta.")]  # some bring their own
        dropped = {column for of, column in EMPTIED if of == table} | ({"public"} if table == "customers" else set())
        found[table] = sorted(({k: v for k, v in row.items() if k not in dropped} for row in some), key=repr)
    return found


@pytest.mark.parametrize("schema", RELEASED)
def test_up_and_down_from_every_released_schema(engine: sa.Engine, schema: str) -> None:
    to(engine, schema)
    fill(engine)
    old = tables(engine)
    before = content(engine)
    assert min(len(rows) for rows in before.values()) == ROWS  # some tables have rows of their own, too
    to(engine, "head")
    assert comparable(content(engine, old)) == comparable(before)
    names = [row["public"] for row in content(engine, old)["customers"]]
    assert all(json.loads(text)["name"] == "王" for text in names)
    back(engine, schema)
    assert set(tables(engine)) == set(old)
    assert {name: set(table.c.keys()) for name, table in tables(engine).items()} == {
        name: set(table.c.keys()) for name, table in old.items()
    }
    assert comparable(content(engine)) == comparable(before)
    to(engine, "head")
    assert comparable(content(engine, old)) == comparable(before)


def test_down_with_data_in_every_table_of_ours(engine: sa.Engine) -> None:
    to(engine, "head")
    with engine.begin() as connection:  # a migration puts the trail's head there by itself
        connection.execute(sa.text("DELETE FROM audit_head"))
    fill(engine)
    for schema in [FIRST, "head"]:
        (back if schema != "head" else to)(engine, schema)
        assert len(content(engine)["interactions"]) == ROWS
    for schema in [one for one in reversed([*RELEASED, *OURS[:-1]]) if one >= FIRST]:
        back(engine, schema)
        assert len(content(engine)["customers"]) == ROWS


def test_the_whole_way_ends_at_what_the_program_makes(engine: sa.Engine) -> None:
    for schema in [*RELEASED, *OURS]:
        to(engine, schema)
    there = {name: sorted(table.c.keys()) for name, table in tables(engine).items()}
    url = engine.url.render_as_string(hide_password=False)
    upgrade_to_head(url)
    assert {name: sorted(table.c.keys()) for name, table in tables(engine).items()} == there
