"""The writer's statements, compiled once per engine to the driver's own SQL and fed with tuples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from interaction_log.store.schema import agent_states, events, interactions, legs, link_events, queue_visits, seats

_INSERT: Final = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Statement:
    """One compiled statement for one table; ``rows`` are tuples in the order of the table's columns."""

    def __init__(self, dialect: sa.Dialect, statement: Any):
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self.parameters: tuple[str, ...] = tuple(compiled.positiontup or ())

    def run(self, connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Execute it for all rows (``executemany``)."""
        if rows:
            connection.exec_driver_sql(self.sql, list(rows))


def insert_new(dialect: sa.Dialect, table: sa.Table) -> Statement:
    """Insert; a row that is there already stays as it is."""
    return Statement(dialect, _values(dialect, table).on_conflict_do_nothing())


def upsert(dialect: sa.Dialect, table: sa.Table, keep: Iterable[str] = ()) -> Statement:
    """Insert or overwrite. Columns named in ``keep`` stay as they are once they have a value."""
    statement = _values(dialect, table)
    new = {
        c.name: sa.func.coalesce(c, statement.excluded[c.name]) if c.name in keep else statement.excluded[c.name]
        for c in table.c
        if not c.primary_key
    }
    key = [c.name for c in table.primary_key]
    return Statement(dialect, statement.on_conflict_do_update(index_elements=key, set_=new))


def _values(dialect: sa.Dialect, table: sa.Table) -> Any:
    return _INSERT[dialect.name](table).values({c.name: sa.bindparam(c.name) for c in table.c})


def _end_states() -> Any:
    """The agent's last state ended with this change: (at, number, agent, number)."""
    table = agent_states
    return (
        sa.update(table)
        .where(table.c.agent == sa.bindparam("of"), table.c.seq < sa.bindparam("before"), table.c.to_seq.is_(None))
        .values(to_at=sa.bindparam("at"), to_seq=sa.bindparam("by"))
    )


class Statements:
    """All that the writer executes often."""

    def __init__(self, dialect: sa.Dialect):
        self.events = insert_new(dialect, events)
        self.interactions = upsert(dialect, interactions)
        self.legs = upsert(dialect, legs, keep=("agent",))
        self.visits = upsert(dialect, queue_visits)
        self.agent_states = upsert(dialect, agent_states, keep=("to_at", "to_seq"))
        self.end_states = Statement(dialect, _end_states())
        self.seats = upsert(dialect, seats)
        self.links = insert_new(dialect, link_events)
