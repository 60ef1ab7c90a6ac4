"""Texts that were stored in clear, before they were sealed or by a process without the key, sealed where they stand.

In idle time, some rows at a time; ``search_state`` says how far it is, so a restart goes on and a whole pass is made
once. Nothing happens in a process without the site's key.
"""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store import customer_rows, sealed_fields
from interaction_log.store.schema import customers, metadata
from interaction_log.store.sealed_text import columns
from interaction_log.store.search_tables import search_state

ROWS: Final = 50
STATE: Final = "sealing"
_s = search_state.c


def step(connection: sa.Connection, most: int = ROWS) -> bool:
    """The next rows, ``most`` of them; whether there are more. The caller's transaction holds the place too."""
    if sealed_fields.master() is None:
        return False
    found = connection.execute(sa.select(_s.value).where(_s.key == STATE)).scalar()
    place: dict[str, Any] | None = json.loads(found) if found else {"table": "", "after": None}
    if place is None:
        return False
    tables = columns(metadata)
    table = next((one for one in tables if one.name >= place["table"]), None)
    if table is None:
        _keep(connection, None, found is None)
        return False
    after = place["after"] if table.name == place["table"] else None
    last = _seal(connection, table, tables[table], after, most)
    _keep(connection, {"table": table.name if last else f"{table.name} ", "after": last}, found is None)
    return True


def _keep(connection: sa.Connection, place: dict[str, Any] | None, first: bool) -> None:
    text = json.dumps(place)
    if first:
        connection.execute(sa.insert(search_state).values(key=STATE, value=text))
    else:
        connection.execute(sa.update(search_state).where(_s.key == STATE).values(value=text))


def _seal(
    connection: sa.Connection, table: sa.Table, names: list[str], after: list[Any] | None, most: int
) -> list[Any] | None:
    """Look at the rows behind ``after`` (their key) and seal what is in clear; the last one's key."""
    key = list(table.primary_key.columns)
    raw = [sa.type_coerce(table.c[name], sa.Text).label(name) for name in names]
    query = sa.select(*(column.label(f"key{n}") for n, column in enumerate(key)), *raw).order_by(*key).limit(most)
    if after is not None:
        query = query.where(sa.tuple_(*key) > sa.tuple_(*after))
    rows = connection.execute(query).all()
    if not rows:
        return None
    clear = [row for row in rows if any(_in_clear(row._mapping[name]) for name in names)]
    for row in clear:
        of = sa.and_(*(column == row._mapping[f"key{n}"] for n, column in enumerate(key)))
        connection.execute(sa.update(table).where(of).values({name: row._mapping[name] for name in names}))
    if table is customers and clear:
        customer_rows.seal_public(connection, [row.key0 for row in clear])
    return list(rows[-1])[: len(key)]


def _in_clear(text: str | None) -> bool:
    return bool(text) and not text.startswith(sealed_fields.TEXT)  # type: ignore[union-attr]


def clear_left(connection: sa.Connection) -> int:
    """How many of these texts are in clear still, for a check."""
    count = 0
    for table, names in columns(metadata).items():
        for name in names:
            raw = sa.type_coerce(table.c[name], sa.Text)
            query = sa.select(sa.func.count()).where(raw.is_not(None), raw != "", ~raw.startswith(sealed_fields.TEXT))
            count += connection.execute(query.select_from(table)).scalar_one()
    return count
