"""Reading the log's projections, as ``routing.ports.Interactions``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.devices import split
from interaction_log.pages import InteractionPage
from interaction_log.records import NotFound, Refused
from interaction_log.rights import EVERYTHING, Sight
from interaction_log.store import cursor as cursors
from interaction_log.store import links
from interaction_log.store.decisions import decisions_of
from interaction_log.store.reading import Reading
from interaction_log.store.schema import customers, interactions, legs, link_events, queue_visits
from interaction_log.store.visibility import in_sight

MOST_PER_PAGE: Final = 1_000
_HEAD: Final = links.head_of(interactions.c.customer_id)
_NAME: Final = sa.select(customers.c.name).where(customers.c.id == _HEAD).scalar_subquery()
_COLUMNS: Final = [
    *(interactions.c[name] for name in ("id", "pbx", "customer_id", "disposition", "notes", "public")),
    _NAME.label("customer_name_known"),
]
_ORDER: Final = (interactions.c.sorted_at.desc(), interactions.c.id.desc())


class StoredInteractions:
    """Newest first everywhere."""

    def __init__(self, reading: Reading):
        self._reading = reading

    async def page(
        self,
        *,
        start: float | None,
        end: float | None,
        queue: str | None,
        agent: str | None,
        customer_id: str | None,
        limit: int,
        cursor: str | None,
        sight: Sight = EVERYTHING,
    ) -> InteractionPage:
        """Interactions that began in ``start`` ≤ t < ``end`` (Unix seconds), newest first.

        ``queue``: any of the queues visited; ``agent``: a user or a device that had the customer. ``limit`` is capped
        at 1,000. Raises ``Refused`` for a time that is none, or a foreign cursor.
        """
        _check_times(start, end)
        query = sa.select(*_COLUMNS, interactions.c.sorted_at).where(*_filters(start, end, queue, agent, customer_id))
        if not sight.everything:
            query = query.where(in_sight(sight))
        if cursor is not None:
            at, of = cursors.read(cursor, float, str)
            query = query.where(sa.tuple_(interactions.c.sorted_at, interactions.c.id) < sa.tuple_(at, of))
        limit = max(1, min(limit, MOST_PER_PAGE))
        rows = await self._reading.fresh(
            lambda connection: connection.execute(query.order_by(*_ORDER).limit(limit + 1)).all()
        )
        last = rows[limit - 1] if len(rows) > limit else None
        following = None if last is None else cursors.write(float(last.sorted_at), last.id)
        return InteractionPage([_item(row) for row in rows[:limit]], following)

    async def get(self, interaction_id: str) -> dict[str, Any]:
        """Raises ``NotFound``."""
        query = sa.select(*_COLUMNS).where(interactions.c.id == interaction_id)
        row = await self._reading.fresh(lambda connection: connection.execute(query).first())
        if row is None:
            raise NotFound(interaction_id)
        return _item(row)

    async def ended(self, interaction_id: str) -> bool:
        """Whether this one is in the log, and over."""
        query = sa.select(interactions.c.ended).where(interactions.c.id == interaction_id)
        return bool(await self._reading.fresh(lambda connection: connection.execute(query).scalar()))

    async def in_sight(self, interaction_id: str, sight: Sight) -> bool:
        """Whether this one is in sight."""
        query = sa.select(interactions.c.id).where(interactions.c.id == interaction_id, in_sight(sight))
        return await self._reading.fresh(lambda connection: connection.execute(query).first()) is not None

    async def recent_of_agent(self, devices: Iterable[str], agent: str, limit: int) -> list[dict[str, Any]]:
        """The last interactions that ``agent`` had, or one of the devices while nobody was signed in there."""
        question = partial(_recent, devices=list(devices), agent=agent, limit=max(1, min(limit, 100)))
        return await self._reading.fresh(question)

    async def decisions(self, interaction_id: str) -> list[dict[str, Any]]:
        """How it was distributed, in order; empty for calls, and when its events have expired."""
        return await self._reading.fresh(partial(decisions_of, interaction_id=interaction_id))

    async def gaps(self, limit: int) -> list[dict[str, Any]]:
        """The times in which a PBX link was lost, newest first: what ``LinkLost`` and ``LinkRestored`` say."""
        query = sa.select(link_events).order_by(link_events.c.seq.desc()).limit(max(1, min(limit, MOST_PER_PAGE)))
        rows = await self._reading.fresh(lambda connection: connection.execute(query).all())
        return [{"seq": row.seq, "type": row.type, **json.loads(row.payload)} for row in rows]


def _item(row: Any) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(row.public)
    names = ("id", "pbx", "customer_id", "customer_name_known", "disposition", "notes")
    return {**{name: getattr(row, name) for name in names}, **public}


def _check_times(start: float | None, end: float | None) -> None:
    for name, value in (("from", start), ("to", end)):
        if value is not None and not math.isfinite(value):
            raise Refused(name, "is no time")


def _filters(
    start: float | None, end: float | None, queue: str | None, agent: str | None, customer_id: str | None
) -> Sequence[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if start is not None:
        found.append(interactions.c.sorted_at >= start)
    if end is not None:
        found.append(interactions.c.sorted_at < end)
    if customer_id is not None:
        found.append(links.of_person(interactions.c.customer_id, customer_id))
    if queue is not None:
        found.append(_has(queue_visits, queue_visits.c.queue == queue))
    if agent is not None:
        who = sa.or_(legs.c.agent == agent, legs.c.device == agent)
        found.append(_has(legs, (legs.c.kind == "segment") & who))
    return found


def _has(table: sa.Table, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(table.c.interaction_id == interactions.c.id, condition)


def _of_seat(seat: str) -> sa.ColumnElement[bool]:
    pbx, device = split(seat)
    if pbx is None:
        return legs.c.device == device
    there = sa.exists().where(interactions.c.id == legs.c.interaction_id, interactions.c.pbx == pbx)
    return (legs.c.device == device) & there


def _recent(connection: sa.Connection, devices: list[str], agent: str, limit: int) -> list[dict[str, Any]]:
    """By the indexes of ``legs``; an interaction has few segments, so thrice the limit of them is enough."""
    whose = [legs.c.agent == agent]
    whose += [legs.c.agent.is_(None) & _of_seat(seat) for seat in devices]
    ids: set[str] = set()
    for condition in whose:
        query = sa.select(legs.c.interaction_id).where(legs.c.kind == "segment", condition)
        ids.update(connection.execute(query.order_by(legs.c.from_at.desc()).limit(3 * limit)).scalars())
    if not ids:
        return []
    rows = connection.execute(sa.select(*_COLUMNS).where(interactions.c.id.in_(ids)).order_by(*_ORDER).limit(limit))
    return [_item(row) for row in rows]
