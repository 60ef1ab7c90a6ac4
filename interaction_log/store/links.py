"""Which records are one person. A merge is a row that can be taken back; nothing else is ever rewritten by it.

Whoever reads "of a customer" reads of all ``members``: interactions, cases, notes keep the id they were written with.
The merges that stand make a forest (only the head of a person is merged into another head), and ``customer_links`` is
that forest, flat: each merged record with the head of its person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa

from interaction_log.store.identity_tables import customer_links, customer_merges
from interaction_log.store.statements import Among

_l: Final = customer_links.c
_m: Final = customer_merges.c
_CHUNK: Final = 500
_ROOTS: Final = Among(sa.select(_l.member, _l.root), _l.member)


def root(connection: sa.Connection, customer_id: str) -> str:
    """The record that stands for this person now; the id itself where it was not merged (or is unknown)."""
    found: str | None = connection.execute(sa.select(_l.root).where(_l.member == customer_id)).scalar()
    return found if found is not None else customer_id


def roots(connection: sa.Connection, ids: Iterable[str]) -> dict[str, str]:
    """The same for many: by id, all ids given."""
    wanted = list(dict.fromkeys(ids))
    return {of: of for of in wanted} | {row[0]: row[1] for row in _ROOTS(connection, wanted)}


def members(connection: sa.Connection, customer_id: str) -> list[str]:
    """All ids that are one person with this one: the head first, then by id. An unknown id is alone."""
    head = root(connection, customer_id)
    return [head, *sorted(connection.execute(sa.select(_l.member).where(_l.root == head)).scalars())]


def linked(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Those of these records (500 at most) that are one person with others: a merge must be undone before they go."""
    rows = connection.execute(sa.select(_l.member, _l.root).where(_l.member.in_(ids) | _l.root.in_(ids)))
    return {of for row in rows for of in row} & set(ids)


def of_person(column: sa.ColumnElement[str], customer_id: str) -> sa.ColumnElement[bool]:
    """``column`` is one of this person's members: a condition for queries that are made without a connection."""
    up = sa.select(_l.root).where(_l.member == customer_id).scalar_subquery()
    head = sa.func.coalesce(up, customer_id)
    return column.in_(sa.union_all(sa.select(head), sa.select(_l.member).where(_l.root == head)))


def head_of(column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """The head of the person whose record ``column`` names, in a query: by a look into the primary key."""
    up = sa.select(_l.root).where(_l.member == column).scalar_subquery()
    return sa.func.coalesce(up, column)


def merged() -> sa.Select[tuple[str]]:
    """The ids of all records that are part of another one now, for ``not_in``."""
    return sa.select(_l.member)


def rebuild(connection: sa.Connection, touched: Iterable[str]) -> None:
    """Write the links anew for the persons of these records, from the merges that stand."""
    heads, seen = set[str](), set[str]()
    for of in touched:
        heads.add(_head(connection, of))
    for head in sorted(heads):
        seen |= {head, *_below(connection, head)}
    everybody = sorted(seen)
    for n in range(0, len(everybody), _CHUNK):
        connection.execute(sa.delete(customer_links).where(_l.member.in_(everybody[n : n + _CHUNK])))
    rows = [{"member": of, "root": head} for head in sorted(heads) for of in sorted(_below(connection, head))]
    if rows:
        connection.execute(sa.insert(customer_links), rows)


def _head(connection: sa.Connection, of: str) -> str:
    """Up the merges that stand to the record that is merged into none."""
    seen = {of}
    while True:
        up: str | None = connection.execute(sa.select(_m.kept).where(_m.merged == of, _m.undone_at.is_(None))).scalar()
        if up is None or up in seen:
            return of
        seen.add(up)
        of = up


def _below(connection: sa.Connection, head: str) -> set[str]:
    """All records that stand below this one."""
    found, level = set[str](), [head]
    while level:
        some, level = level[:_CHUNK], level[_CHUNK:]
        down = sa.select(_m.merged).where(_m.kept.in_(some), _m.undone_at.is_(None))
        new = set(connection.execute(down).scalars()) - found - {head}
        found |= new
        level += sorted(new)
    return found
