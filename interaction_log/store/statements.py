"""The writer's statements, compiled once to the driver's own SQL and fed with tuples.

A small group has a handful of statements, and SQLAlchemy's way from an expression to the driver takes longer than most
of them: its key for the cache alone costs more than SQLite needs to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from interaction_log.store.privacy_tables import event_keys
from interaction_log.store.schema import agent_states, events, interactions, legs, link_events, queue_visits, seats
from interaction_log.store.voice_tables import ending, queue_pauses

_MOST_VALUES: Final = 256  # in one IN (…)
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


class Question:
    """One compiled query, asked at the driver's own connection: SQLAlchemy's way to SQLite costs several times what
    SQLite takes to answer, and a pop waits for the answer. Only for columns that need no conversion."""

    def __init__(self, dialect: sa.Dialect, query: sa.Select[Any] | sa.CompoundSelect[Any]):
        compiled = query.compile(dialect=dialect)
        self._sql = str(compiled)
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._given: dict[str, Any] = dict(compiled.params)

    def ask(self, driver: Any, **values: Any) -> list[tuple[Any, ...]]:
        """The rows; ``values`` by the names of the query's ``bindparam``s."""
        given = self._given | values
        rows: list[tuple[Any, ...]] = driver.execute(self._sql, [given[name] for name in self._names]).fetchall()
        return rows


class Prepared:
    """A statement that is executed for single records, compiled once for each kind of database and not for each time.

    ``make`` gives it for a dialect; its values are those of its ``bindparam``s, by name.
    """

    def __init__(self, make: Callable[[sa.Dialect], Any]):
        self._make = make
        self._made: dict[str, tuple[str, tuple[str, ...]]] = {}

    def run(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for all rows (``executemany``); what else a row has is left alone."""
        if rows:
            sql, names = self._made.get(connection.dialect.name) or self._compile(connection.dialect)
            connection.exec_driver_sql(sql, [tuple(row[name] for name in names) for row in rows])

    def _compile(self, dialect: sa.Dialect) -> tuple[str, tuple[str, ...]]:
        compiled = self._make(dialect).compile(dialect=dialect)
        made = self._made[dialect.name] = (str(compiled), tuple(compiled.positiontup or ()))
        return made


def insert_new(dialect: sa.Dialect, table: sa.Table) -> Statement:
    """Insert; a row that is there already stays as it is."""
    return Statement(dialect, inserting(dialect, table).on_conflict_do_nothing())


def upsert(dialect: sa.Dialect, table: sa.Table, keep: Iterable[str] = ()) -> Statement:
    """Insert or overwrite. Columns named in ``keep`` stay as they are once they have a value."""
    statement = inserting(dialect, table)
    new = {
        c.name: sa.func.coalesce(c, statement.excluded[c.name]) if c.name in keep else statement.excluded[c.name]
        for c in table.c
        if not c.primary_key
    }
    key = [c.name for c in table.primary_key]
    return Statement(dialect, statement.on_conflict_do_update(index_elements=key, set_=new))


def inserting(dialect: sa.Dialect, table: sa.Table, names: Iterable[str] | None = None) -> Any:
    """The dialect's own insert into these columns (none named: all), each from the ``bindparam`` of its name."""
    return _INSERT[dialect.name](table).values({name: sa.bindparam(name) for name in names or table.c.keys()})


def _end_states() -> Any:
    """The agent's last state ended with this change: (at, number, agent, number)."""
    table = agent_states
    return (
        sa.update(table)
        .where(table.c.agent == sa.bindparam("of"), table.c.seq < sa.bindparam("before"), table.c.to_seq.is_(None))
        .values(to_at=sa.bindparam("at"), to_seq=sa.bindparam("by"))
    )


class Among:
    """A question for the rows in which ``column`` is one of some values. Its SQL is made once per dialect and size."""

    def __init__(self, question: sa.Select[Any], column: sa.ColumnElement[Any]):
        self._question, self._column = question, column
        self._texts: dict[tuple[str, int], str] = {}

    def __call__(self, connection: sa.Connection, values: list[str] | list[int]) -> list[Any]:
        """The rows, in no order; none for no values."""
        found: list[Any] = []
        for n in range(0, len(values), _MOST_VALUES):
            some: list[Any] = list(values[n : n + _MOST_VALUES])
            size = 1 << (len(some) - 1).bit_length()  # few texts: the last value stands there more than once
            padded = tuple(some + some[-1:] * (size - len(some)))
            found += connection.exec_driver_sql(self._text(connection.dialect, size), padded).fetchall()
        return found

    def at_driver(self, driver: Any, dialect: sa.Dialect, values: list[str]) -> list[tuple[Any, ...]]:
        """The same at the driver's own connection, for up to 256 values and columns that need no conversion."""
        size = 1 << (len(values) - 1).bit_length()
        padded = values + values[-1:] * (size - len(values))
        found: list[tuple[Any, ...]] = driver.execute(self._text(dialect, size), padded).fetchall()
        return found

    def _text(self, dialect: sa.Dialect, size: int) -> str:
        text = self._texts.get((dialect.name, size))
        if text is None:
            values: list[Any] = [sa.bindparam(f"value{n}") for n in range(size)]
            text = str(self._question.where(self._column.in_(values)).compile(dialect=dialect))
            self._texts[dialect.name, size] = text
        return text


class Statements:
    """All that the writer executes often."""

    def __init__(self, dialect: sa.Dialect):
        self.events = insert_new(dialect, events)
        self.event_keys = insert_new(dialect, event_keys)
        self.interactions = upsert(dialect, interactions)
        self.legs = upsert(dialect, legs, keep=("agent",))
        self.visits = upsert(dialect, queue_visits)
        self.agent_states = upsert(dialect, agent_states, keep=("to_at", "to_seq"))
        self.end_states = Statement(dialect, _end_states())
        self.queue_pauses = insert_new(dialect, queue_pauses)
        self.end_queue_pauses = Statement(dialect, ending())
        self.seats = upsert(dialect, seats)
        self.links = insert_new(dialect, link_events)
