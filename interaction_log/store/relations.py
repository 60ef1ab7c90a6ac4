"""Who has to do with whom: one row for a relation, read from both ends."""

from __future__ import annotations

import uuid
from typing import Final

import sqlalchemy as sa

from interaction_log.records import OPPOSITE, Conflict, NotFound, Refused, Relation
from interaction_log.store import links
from interaction_log.store.ends import known_customer, paragraph
from interaction_log.store.reading import Reading
from interaction_log.store.records_tables import relations
from interaction_log.store.schema import customers
from interaction_log.store.writing import Writing

_t: Final = relations.c
LONGEST_NOTE: Final = 500


class StoredRelations:
    """Reading, adding, removing."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def of(self, customer_id: str) -> list[Relation]:
        """As seen from this person: what she is to whom, by name."""
        return await self._reading(lambda connection: of(connection, customer_id))

    async def add(
        self, customer_id: str, kind: str, other: str, by: str, now: float, note: str | None = None
    ) -> Relation:
        """``customer_id`` is ``kind`` (``works_for``) of ``other``. Raises ``Refused``, ``NotFound``, ``Conflict``."""
        if kind not in OPPOSITE:
            raise Refused("kind", f"one of {', '.join(OPPOSITE)}")
        text = paragraph("note", note, LONGEST_NOTE)

        def work(connection: sa.Connection) -> Relation:
            known_customer(connection, customer_id)
            if other in links.members(connection, customer_id):
                raise Refused("other", "is the same customer")
            try:
                name = known_customer(connection, other)
            except NotFound:
                raise Refused("other", "there is no such customer") from None
            if any(one.kind == kind and one.customer_id == other for one in of(connection, customer_id)):
                raise Conflict("it exists already")
            row = {"id": str(uuid.uuid4()), "from_id": customer_id, "to_id": other, "kind": kind, "note": text}
            connection.execute(sa.insert(relations).values({**row, "at": now, "by": by}))
            return Relation(id=str(row["id"]), kind=kind, customer_id=other, name=name, note=text, at=now, by=by)

        return await self._writing(work)

    async def remove(self, customer_id: str, relation_id: str) -> None:
        """Raises ``NotFound`` where this person has no such relation."""

        def work(connection: sa.Connection) -> None:
            among = links.members(connection, customer_id)
            mine = _t.from_id.in_(among) | _t.to_id.in_(among)
            if connection.execute(sa.delete(relations).where(_t.id == relation_id, mine)).rowcount == 0:
                raise NotFound(relation_id)

        await self._writing(work)


def of(connection: sa.Connection, customer_id: str) -> list[Relation]:
    """As seen from this person."""
    among = links.members(connection, customer_id)
    query = sa.select(relations).where(_t.from_id.in_(among) | _t.to_id.in_(among)).order_by(_t.at, _t.id)
    rows = connection.execute(query).all()
    ends = {row.id: row.to_id if row.from_id in among else row.from_id for row in rows}
    heads = links.roots(connection, ends.values())
    named = sa.select(customers.c.id, customers.c.name).where(customers.c.id.in_(set(heads.values())))
    names: dict[str, str] = {row.id: row.name for row in connection.execute(named)}
    found = [
        Relation(
            id=row.id,
            kind=row.kind if row.from_id in among else OPPOSITE.get(row.kind, row.kind),
            customer_id=heads[ends[row.id]],
            name=names.get(heads[ends[row.id]], ""),
            note=row.note,
            at=row.at,
            by=row.by,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.kind, one.name))
