"""The register of personal data: which tables hold something about a customer, how his rows are found, what becomes
of them when he is erased. Export, erasure and the tests walk it, so that no table can be forgotten.

A topic registers its tables beside their definition::

    register(Personal(tasks, of=customer(tasks.c.customer_id), erase="delete"))
    register(Personal(calls, of=interaction(calls.c.interaction_id), erase="blank", columns=("number", "note")))
    free(colours, "colours of the screen")

``of`` gives the condition for the rows of a :class:`Person`. ``delete`` removes the rows, ``blank`` empties ``columns``
(null, or the empty text where null is not allowed, or what ``blanks`` makes of the value) and keeps the row, because
sums must still add up. What cannot be said so (a full-text index, files) brings its own ``wipe``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import sqlalchemy as sa

from interaction_log.store.master_key import MasterKey
from interaction_log.store.schema import events, interactions, metadata

FIRST: Final = 10
USUAL: Final = 50
INTERACTIONS: Final = 90
"""What is found through interactions stands before them: afterwards nothing leads there any more."""
CUSTOMERS: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom it is about: all ids that are one customer (``links.members``), and what names that person alone.

    ``numbers`` as in ``customer_phones.e164``, ``mails`` case-folded; those that another customer has too (a
    switchboard) are not among them. ``interactions``: beside those of the ids, or, without any, contacts whose time
    is over (``retention``).
    """

    customers: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    interactions: tuple[str, ...] = ()


Of = Callable[[Person], sa.ColumnElement[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """One table with personal data. ``columns``: what is emptied (``blank``); a deleted row needs none.

    ``export``: whether its rows go into an access export; ``False`` for a pure index of other rows. ``secret``:
    columns that an export leaves out (a password's hash); sealed values (``sealed_fields``) it opens by itself.
    ``wipe(connection, person, limit)`` erases up to ``limit`` rows in a way of its own and returns how many.
    ``read``: for an export, its rows with what was sealed in them in clear. ``order``: smaller is erased earlier.
    """

    table: sa.Table
    of: Of
    erase: Literal["delete", "blank"]
    columns: tuple[str, ...] = ()
    blanks: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    export: bool = True
    secret: tuple[str, ...] = ()
    wipe: Callable[[sa.Connection, Person, int], int] | None = None
    read: Callable[[sa.Connection, MasterKey, Sequence[Mapping[str, Any]]], list[dict[str, Any]]] | None = None
    order: int = USUAL


REGISTER: Final[dict[str, Personal]] = {}
FREE: Final[dict[str, str]] = {}


def register(one: Personal) -> None:
    """Put a table into the register; the same table again replaces its entry. Raises ``ValueError`` for nonsense."""
    names = set(one.table.c.keys())
    unknown = (set(one.columns) | set(one.blanks) | set(one.secret)) - names
    if unknown:
        raise ValueError(f"{one.table.name} has no column {sorted(unknown)}")
    if one.erase == "blank" and not one.columns and one.wipe is None:
        raise ValueError(f"{one.table.name}: say which columns are emptied")
    REGISTER[one.table.name] = one


def free(table: sa.Table, reason: str) -> None:
    """Say that a table holds nothing about customers, and why one can be sure."""
    FREE[table.name] = reason


def registered() -> list[Personal]:
    """All entries in the order in which they are erased."""
    return sorted(REGISTER.values(), key=lambda one: (one.order, one.table.name))


def unregistered() -> list[str]:
    """Tables of which nobody has said whether they hold personal data."""
    return sorted(set(metadata.tables) - set(REGISTER) - set(FREE) - {"alembic_version"})


# --- how rows are found --------------------------------------------------------------------------


def customer(column: sa.ColumnElement[Any]) -> Of:
    """Rows whose ``column`` holds the customer's id."""
    return lambda person: column.in_(person.customers)


def interaction(column: sa.ColumnElement[Any]) -> Of:
    """Rows whose ``column`` holds the id of an interaction of that person."""
    return lambda person: column.in_(sa.select(interactions.c.id).where(its_interactions(person)))


def number(column: sa.ColumnElement[Any]) -> Of:
    """Rows whose ``column`` holds a telephone number of that person, in E.164."""
    return lambda person: column.in_(person.numbers)


def mail(column: sa.ColumnElement[Any]) -> Of:
    """Rows whose ``column`` holds a mail address of that person, case-folded."""
    return lambda person: column.in_(person.mails)


def either(*ways: Of) -> Of:
    """Rows that any of these finds."""
    return lambda person: sa.or_(*(way(person) for way in ways))


def through(column: sa.ColumnElement[Any], key: sa.ColumnElement[Any], of: Of) -> Of:
    """Rows whose ``column`` equals ``key`` of another table's rows that ``of`` finds."""
    return lambda person: column.in_(sa.select(key).where(of(person)))


def its_interactions(person: Person) -> sa.ColumnElement[bool]:
    """The condition for that person's interactions: written with one of the ids, or by nobody from a number that is
    that person's alone."""
    i = interactions.c
    known: sa.ColumnElement[bool] = i.customer_id.in_(person.customers)
    if person.interactions:
        known = known | i.id.in_(person.interactions)
    if not (person.numbers or person.mails):
        return known
    nobodys = i.customer_id.is_(None) & i.ended.is_(sa.true())
    return sa.or_(known, nobodys & i.customer_address.in_((*person.numbers, *person.mails)))


def its_events(person: Person) -> sa.ColumnElement[bool]:
    """The condition for the events of that person's interactions; by the two indexes that the events have."""
    mine = its_interactions(person)
    in_order = events.c.began.in_(sa.select(interactions.c.began).where(mine))
    late = events.c.interaction_id.in_(sa.select(interactions.c.id).where(mine))
    return in_order | (events.c.began.is_(None) & events.c.interaction_id.is_not(None) & late)
