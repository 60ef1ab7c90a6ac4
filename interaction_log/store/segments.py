"""Segments on the database: the filter of ``interaction_log.segments`` as SQL, and the saved ones."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.segments import DAY_SECONDS, Condition, Group, Segment, parse
from interaction_log.store import links
from interaction_log.store.custom_fields import defined
from interaction_log.store.identity_tables import customer_links
from interaction_log.store.reading import Reading
from interaction_log.store.records_tables import cases, customer_values, segments, task_rules
from interaction_log.store.schema import customer_emails, customer_phones, customers, interactions
from interaction_log.store.writing import Writing

_c: Final = customers.c
_v: Final = customer_values.c
MOST_SEGMENTS: Final = 500


def condition(node: Group | Condition, now: float) -> sa.ColumnElement[bool]:
    """The filter as a condition on ``customers``; merged records are left out. ``now``: Unix seconds."""
    return sa.and_(_c.id.not_in(links.merged()), _node(node, now))


def _node(node: Group | Condition, now: float) -> sa.ColumnElement[bool]:
    if isinstance(node, Condition):
        return _condition(node, now)
    if not node.parts:
        return sa.true()
    parts = [_node(one, now) for one in node.parts]
    return sa.and_(*parts) if node.match == "all" else sa.or_(*parts)


def _condition(one: Condition, now: float) -> sa.ColumnElement[bool]:
    if one.kind == "moment":
        newer = _contact_since(now - one.value * DAY_SECONDS)
        return newer if one.op == "newer" else ~newer
    if one.field in _FLAGS:
        there = _FLAGS[one.field]
        return there if one.op == "yes" else ~there
    if one.field.startswith("fields."):
        return _custom(one)
    return _compared(one, _COLUMNS[one.field])


def _contact_since(at: float) -> sa.ColumnElement[bool]:
    """An interaction of the customer, or of one merged into her, began then or later."""
    i = interactions.c
    own = sa.exists().where(i.customer_id == _c.id, i.sorted_at >= at)
    merged = sa.exists().where(
        customer_links.c.root == _c.id, i.customer_id == customer_links.c.member, i.sorted_at >= at
    )
    return sa.or_(own, merged)


def _open_cases() -> sa.ColumnElement[Any]:
    own = sa.select(sa.func.count()).where(cases.c.customer_id == _c.id, cases.c.phase != "closed")
    merged = sa.select(sa.func.count()).where(
        customer_links.c.root == _c.id, cases.c.customer_id == customer_links.c.member, cases.c.phase != "closed"
    )
    return own.scalar_subquery() + merged.scalar_subquery()


_FLAGS: Final[Mapping[str, sa.ColumnElement[bool]]] = {
    "vip": _c.vip.is_(sa.true()),
    "phone": sa.exists().where(customer_phones.c.customer_id == _c.id),
    "email": sa.exists().where(customer_emails.c.customer_id == _c.id),
}
_COLUMNS: Final[Mapping[str, sa.ColumnElement[Any]]] = {
    "name": _c.sort_name,
    "organisation": _c.sort_organisation,
    "kind": _c.kind,
    "language": _c.language,
    "channel": _c.channel,
    "agent": _c.agent,
    "value": _c.value,
    "open_cases": _open_cases(),
}


def _custom(one: Condition) -> sa.ColumnElement[bool]:
    """Of a field of the site: ``EXISTS`` in the values; what an empty field fulfils is the opposite's absence."""
    code = one.field.removeprefix("fields.")
    row = sa.and_(_v.customer_id == _c.id, _v.field == code)
    if one.kind == "flag":
        yes = sa.exists().where(row, _v.number == 1.0)
        return yes if one.op == "yes" else ~yes
    opposite = {"empty": "filled", "is_not": "is", "none_of": "one_of"}.get(one.op)
    column: sa.ColumnElement[Any] = _v.number if one.kind == "number" else _v.text
    found = sa.exists().where(row, _compared(Condition(one.field, one.kind, opposite or one.op, one.value), column))
    return found if opposite is None else ~found


def _compared(one: Condition, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    value = one.value
    found: sa.ColumnElement[bool]
    match one.op:
        case "filled":
            return column.is_not(None)
        case "empty":
            return column.is_(None)
        case "is_not":
            return sa.or_(column.is_(None), column != value)
        case "none_of":
            return sa.or_(column.is_(None), column.not_in(value))
        case "is" | "equals" | "on":
            found = column == value
        case "contains":
            found = column.contains(value, autoescape=True)
        case "begins":
            found = column.startswith(value, autoescape=True)
        case "less" | "before":
            found = column < value
        case "at_most":
            found = column <= value
        case "more" | "after":
            found = column > value
        case "at_least":
            found = column >= value
        case _:
            found = column.in_(value)
    return sa.and_(column.is_not(None), found)  # never NULL: a NOT around it would be wrong


class StoredSegments:
    """The saved filters."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def all(self) -> list[Segment]:
        """All of them, by name."""
        return await self._reading(_all)

    async def get(self, segment_id: str) -> Segment:
        """Raises ``NotFound``."""
        return await self._reading(lambda connection: one(connection, segment_id))

    async def create(self, name: str, raw: dict[str, Any], by: str, now: float) -> Segment:
        """A new one; raises ``Refused``, ``Conflict`` for a name that is taken."""
        made = Segment(id=str(uuid.uuid4()), name=_name(name), filter=raw, created_by=by, changed_at=now)

        def work(connection: sa.Connection) -> None:
            parse(raw, defined(connection))
            if connection.execute(sa.select(sa.func.count()).select_from(segments)).scalar_one() >= MOST_SEGMENTS:
                raise Refused("name", f"at most {MOST_SEGMENTS}")
            _free_name(connection, made)
            connection.execute(sa.insert(segments).values(_row(made)))

        await self._writing(work)
        return made

    async def change(
        self, segment_id: str, now: float, *, version: int, name: str | None = None, raw: dict[str, Any] | None = None
    ) -> Segment:
        """Another name or filter; raises ``NotFound``, ``Refused``, ``Conflict``."""

        def work(connection: sa.Connection) -> Segment:
            old = one(connection, segment_id)
            if raw is not None:
                parse(raw, defined(connection))
            new = Segment(
                id=old.id,
                name=_name(name) if name is not None else old.name,
                filter=raw if raw is not None else old.filter,
                created_by=old.created_by,
                changed_at=now,
                version=version + 1,
            )
            _free_name(connection, new)
            which = (segments.c.id == segment_id) & (segments.c.version == version)
            if connection.execute(sa.update(segments).where(which).values(_row(new))).rowcount == 0:
                raise Conflict("This entry was changed meanwhile.")
            return new

        return await self._writing(work)

    async def delete(self, segment_id: str) -> None:
        """Raises ``NotFound``; ``Conflict`` while a rule makes tasks of it."""

        def work(connection: sa.Connection) -> None:
            used = sa.select(task_rules.c.id).where(task_rules.c.segment_id == segment_id)
            if connection.execute(used).first() is not None:
                raise Conflict("A rule makes tasks of this segment.")
            if connection.execute(sa.delete(segments).where(segments.c.id == segment_id)).rowcount == 0:
                raise NotFound(segment_id)

        await self._writing(work)

    async def count(self, raw: dict[str, Any], now: float) -> int:
        """How many customers are in it now. Raises ``Refused``."""

        def work(connection: sa.Connection) -> int:
            where = condition(parse(raw, defined(connection)), now)
            return int(connection.execute(sa.select(sa.func.count()).select_from(customers).where(where)).scalar_one())

        return await self._reading(work)


def one(connection: sa.Connection, segment_id: str) -> Segment:
    """A saved one. Raises ``NotFound``."""
    row = connection.execute(sa.select(segments).where(segments.c.id == segment_id)).first()
    if row is None:
        raise NotFound(segment_id)
    return _segment(row)


def where(connection: sa.Connection, segment_id: str, now: float) -> sa.ColumnElement[bool]:
    """A saved one as a condition on ``customers``. Raises ``NotFound``, or ``Refused`` if a field is gone."""
    return condition(parse(one(connection, segment_id).filter, defined(connection)), now)


def ids(connection: sa.Connection, segment_id: str, now: float, limit: int | None = None) -> list[str]:
    """Its customers, by id."""
    query = sa.select(_c.id).where(where(connection, segment_id, now)).order_by(_c.id).limit(limit)
    return list(connection.execute(query).scalars())


def _all(connection: sa.Connection) -> list[Segment]:
    return [_segment(row) for row in connection.execute(sa.select(segments).order_by(segments.c.name))]


def _segment(row: Any) -> Segment:
    return Segment(**dict(row._mapping) | {"filter": json.loads(row.filter)})


def _row(segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.id,
        "name": segment.name,
        "filter": json.dumps(segment.filter),
        "created_by": segment.created_by,
        "changed_at": segment.changed_at,
        "version": segment.version,
    }


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Refused("name", "1 to 100 characters")
    return name


def _free_name(connection: sa.Connection, segment: Segment) -> None:
    taken = sa.select(segments.c.id).where(segments.c.name == segment.name, segments.c.id != segment.id)
    if connection.execute(taken).first() is not None:
        raise Conflict("There is a segment of this name already.")
