"""Erasing a person, in steps that may be cut off and done again: keys first, then table by table of the register.

Each step is one short transaction of at most ``STEP`` rows, so that the log never waits long. Whoever is cut off
begins anew with the same ``Person``: rows that are gone are not found again, emptied ones are emptied once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store.chat_tables import chat_files
from interaction_log.store.missed import voicemails
from interaction_log.store.personal import REGISTER, Person, Personal, its_interactions, registered
from interaction_log.store.recordings import recordings
from interaction_log.store.schema import interactions

STEP: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one table holds of a person. ``how``: ``delete`` or ``blank``; ``columns``: those that are emptied."""

    table: str
    rows: int
    how: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One step was done: ``rows`` rows; ``after``: where the table goes on, ``None``: this table is through."""

    rows: int
    after: tuple[Any, ...] | None


def parts(connection: sa.Connection, person: Person) -> list[Part]:
    """What would be erased, by table, in the order of the work; tables without such rows are left out."""
    found = []
    for one in (entry for entry in registered() if entry.wipe is None):  # an index of other rows is not worth counting
        query = sa.select(sa.func.count()).select_from(one.table).where(one.of(person))
        rows = connection.execute(query).scalar_one()
        if rows:
            columns = one.columns if one.erase == "blank" else ()
            found.append(Part(table=one.table.name, rows=rows, how=one.erase, columns=columns))
    return found


def step(connection: sa.Connection, one: Personal, person: Person, after: tuple[Any, ...] | None = None) -> Done:
    """Erase the next rows of this table. In a transaction that writes."""
    if one.wipe is not None:
        wiped = one.wipe(connection, person, STEP)
        return Done(rows=wiped, after=() if wiped else None)
    key = list(one.table.primary_key.columns)
    wanted = key + [one.table.c[name] for name in one.blanks if name not in one.table.primary_key]
    query = sa.select(*wanted).where(one.of(person)).order_by(*key).limit(STEP)
    if after:
        query = query.where(sa.tuple_(*key) > sa.tuple_(*after))
    rows = connection.execute(query).all()
    if rows:
        (_delete if one.erase == "delete" else _blank)(connection, one, key, rows)
    last = tuple(rows[-1][: len(key)]) if len(rows) == STEP else None
    return Done(rows=len(rows), after=last)


def whole(connection: sa.Connection, person: Person, *, keep: Sequence[str] = ()) -> dict[str, int]:
    """All of it in one transaction: where nobody else works (after a restore), or for few interactions."""
    counts: dict[str, int] = {}
    for one in registered():
        after: tuple[Any, ...] | None = ()
        while after is not None and one.table.name not in keep:
            done = step(connection, one, person, after)
            after = done.after
            if done.rows:
                counts[one.table.name] = counts.get(one.table.name, 0) + done.rows
    return counts


def _this(one: Personal, key: Sequence[sa.Column[Any]]) -> sa.ColumnElement[bool]:
    return sa.and_(*(column == sa.bindparam(f"key_{n}") for n, column in enumerate(key)))


def _named(key: Sequence[sa.Column[Any]], row: Any) -> dict[str, Any]:
    return {f"key_{n}": row[n] for n in range(len(key))}


def _delete(connection: sa.Connection, one: Personal, key: Sequence[sa.Column[Any]], rows: Sequence[Any]) -> None:
    connection.execute(sa.delete(one.table).where(_this(one, key)), [_named(key, row) for row in rows])


def _blank(connection: sa.Connection, one: Personal, key: Sequence[sa.Column[Any]], rows: Sequence[Any]) -> None:
    names = one.columns
    statement = (
        sa.update(one.table).where(_this(one, key)).values({name: sa.bindparam(f"new_{name}") for name in names})
    )
    values = []
    for row in rows:
        new = {f"new_{name}": _emptied(one, name, row) for name in names}
        values.append(_named(key, row) | new)
    connection.execute(statement, values)


def _emptied(one: Personal, name: str, row: Any) -> Any:
    if name in one.blanks:
        old = row._mapping[one.table.c[name]]
        return None if old is None else one.blanks[name](old)
    return None if one.table.c[name].nullable else ""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file outside the database. ``kind``: ``recording``, ``voicemail`` or ``chat``; ``row``: its row's columns."""

    kind: str
    id: str
    row: dict[str, Any]


def files(connection: sa.Connection, person: Person) -> Iterator[StoredFile]:
    """The files that belong to this person: recordings, messages and files of chats that are there."""
    mine = sa.select(interactions.c.id).where(its_interactions(person))
    for table, kind in ((recordings, "recording"), (voicemails, "voicemail")):
        query = sa.select(table).where(table.c.interaction_id.in_(mine)).order_by(table.c.id)
        for row in connection.execute(query).mappings():
            if row["file"] and row.get("deleted_at") is None:
                yield StoredFile(kind=kind, id=row["id"], row=dict(row))
    his = REGISTER[chat_files.name].of(person)
    of_chats = sa.select(chat_files).where(his, chat_files.c.kept.is_(sa.true()))
    for row in connection.execute(of_chats.order_by(chat_files.c.id)).mappings():
        yield StoredFile(kind="chat", id=row["id"], row=dict(row))
