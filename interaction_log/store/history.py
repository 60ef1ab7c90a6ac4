"""All that happened with one person, newest first: contacts of every channel, and what else is in her timeline.

Interactions and items stand in tables of their own, each with an index of customer and time; a page reads the newest
of each record of the person and merges them, so it costs the same however long the history is.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import Refused
from interaction_log.store import cursor as cursors
from interaction_log.store.links import members
from interaction_log.store.reading import Reading
from interaction_log.store.schema import interactions, legs
from interaction_log.store.search_tables import timeline_items
from interaction_log.store.statements import Among

CHANNELS: Final = frozenset({"voice", "chat", "email"})
"""The kinds that are interactions; every other kind is an item's."""
MOST_PER_PAGE: Final = 200
_INTERACTION, _ITEM = 0, 1
_NEWEST: Final = 1.7e308
_i, _t = interactions.c, timeline_items.c
_AT: Final[sa.BindParameter[Any]] = sa.bindparam("at")
_AFTER: Final[sa.BindParameter[Any]] = sa.bindparam("after")
_MOST: Final[sa.BindParameter[Any]] = sa.bindparam("most")
_CONTACTS: Final = (
    sa.select(
        *(_i[name] for name in ("id", "customer_id", "sorted_at", "channel", "direction", "queue", "outcome")),
        *(_i[name] for name in ("talk_seconds", "wait_seconds", "hold_seconds", "disposition", "notes")),
        _i.customer_address,
        _i.public,
    )
    .where(_i.customer_id == sa.bindparam("customer"), _i.sorted_at <= _AT)
    .where(sa.or_(_i.sorted_at < _AT, _i.id > _AFTER))
    .order_by(_i.sorted_at.desc(), _i.id)
    .limit(_MOST)
)
_SOME_CONTACTS: Final = _CONTACTS.where(_i.channel.in_(sa.bindparam("kinds", expanding=True)))
_KEY: Final = _t.kind + ":" + _t.ref
_ITEMS: Final = (
    sa.select(timeline_items)
    .where(_t.customer_id == sa.bindparam("customer"), _t.at <= _AT, sa.or_(_t.at < _AT, _KEY > _AFTER))
    .order_by(_t.at.desc(), _KEY)
    .limit(_MOST)
)
_SOME_ITEMS: Final = _ITEMS.where(_t.kind.in_(sa.bindparam("kinds", expanding=True)))
_LEGS: Final = Among(
    sa.select(*(legs.c[name] for name in ("interaction_id", "kind", "n", "device", "agent", "queue")))
    .add_columns(legs.c.from_at, legs.c.to_at, legs.c.result),
    legs.c.interaction_id,
)  # fmt: skip
_Entry = dict[str, Any]
_Place = tuple[float, int, str]


class StoredHistory:
    """The timeline of a person."""

    def __init__(self, reading: Reading):
        self._reading = reading

    async def page(
        self, customer_id: str, kinds: Collection[str], limit: int, cursor: str | None, before: float | None = None
    ) -> tuple[list[_Entry], str | None]:
        """Entries of these ``kinds`` (none: of all) and the cursor of the next page. Raises ``Refused`` for a foreign
        cursor. ``limit`` is capped at 200; the first page begins at ``before`` (Unix seconds)."""
        return await self._reading.fresh(lambda connection: page(connection, customer_id, kinds, limit, cursor, before))


def page(
    connection: sa.Connection,
    customer_id: str,
    kinds: Collection[str],
    limit: int,
    cursor: str | None,
    before: float | None = None,
) -> tuple[list[_Entry], str | None]:
    """The same in the caller's thread."""
    limit = max(1, min(limit, MOST_PER_PAGE))
    place = _place(cursor, before)
    contacts, others = sorted(CHANNELS & set(kinds)), sorted(set(kinds) - CHANNELS)
    found: list[tuple[_Place, Any]] = []
    for of in members(connection, customer_id):
        if contacts or not kinds:
            found += _contacts(connection, of, contacts, limit + 1, place)
        if others or not kinds:
            found += _items(connection, of, others, limit + 1, place)
    found.sort(key=lambda one: one[0])
    entries = _entries(connection, [row for _, row in found[:limit]])
    if len(found) <= limit:
        return entries, None
    at, source, key = found[limit - 1][0]
    return entries, cursors.write(-at, source, key)


def _place(cursor: str | None, before: float | None) -> _Place:
    """What the page begins behind: time, contact or item, and its id."""
    if cursor is None:
        return (_NEWEST if before is None else math.nextafter(before, math.inf)), _ITEM, ""
    at, source, key = cursors.read(cursor, float, int, str)
    if source not in (_INTERACTION, _ITEM) or "\0" in key:
        raise Refused("cursor", "is none of ours")
    return at, source, key


def _contacts(
    connection: sa.Connection, customer_id: str, kinds: Sequence[str], most: int, place: _Place
) -> list[tuple[_Place, Any]]:
    at, source, key = place
    after = key if source == _INTERACTION else "\U0010ffff"  # behind an item: all contacts of that moment were shown
    values: dict[str, Any] = {"customer": customer_id, "at": at, "after": after, "most": most}
    query, values = (_SOME_CONTACTS, values | {"kinds": kinds}) if kinds else (_CONTACTS, values)
    return [((-row.sorted_at, _INTERACTION, row.id), row) for row in connection.execute(query, values)]


def _items(
    connection: sa.Connection, customer_id: str, kinds: Sequence[str], most: int, place: _Place
) -> list[tuple[_Place, Any]]:
    at, source, key = place
    after = key if source == _ITEM else ""
    values: dict[str, Any] = {"customer": customer_id, "at": at, "after": after, "most": most}
    query, values = (_SOME_ITEMS, values | {"kinds": kinds}) if kinds else (_ITEMS, values)
    return [((-row.at, _ITEM, f"{row.kind}:{row.ref}"), row) for row in connection.execute(query, values)]


def _entries(connection: sa.Connection, rows: Sequence[Any]) -> list[_Entry]:
    ids = [row.id for row in rows if hasattr(row, "sorted_at")]
    parts = defaultdict(list)
    for leg in sorted(_LEGS(connection, ids), key=lambda one: (one.from_at or 0.0, one.kind, one.n)):
        parts[leg.interaction_id].append(_leg(leg))
    return [_contact(row, parts[row.id]) if hasattr(row, "sorted_at") else _item(row) for row in rows]


def _item(row: Any) -> _Entry:
    return {
        "kind": row.kind,
        "ref": row.ref,
        "customer_id": row.customer_id,
        "at": row.at,
        "title": row.title,
        "text": row.text,
        "actor": row.actor,
        "public": json.loads(row.public),
        "contact": None,
    }


def _contact(row: Any, parts: list[_Entry]) -> _Entry:
    public = json.loads(row.public)
    had = [leg["agent"] for leg in parts if leg["kind"] == "segment"]
    names = ("direction", "queue", "outcome", "talk_seconds", "wait_seconds", "hold_seconds", "disposition")
    contact = {name: getattr(row, name) for name in names}
    contact |= {"address": row.customer_address, "ended_at": public.get("ended_at"), "legs": parts}
    contact |= {name: public.get(name) or [] for name in ("transfers", "recordings", "queue_visits")}
    return {
        "kind": row.channel,
        "ref": row.id,
        "customer_id": row.customer_id,
        "at": row.sorted_at,
        "title": "",
        "text": row.notes or "",
        "actor": had[-1] if had else None,
        "public": {},
        "contact": contact,
    }


def _leg(row: Any) -> _Entry:
    """One ringing (``offer``) or one talk (``segment``) of one agent. ``agent``: the user, else the telephone."""
    return {
        "kind": row.kind,
        "agent": row.agent or row.device,
        "device": row.device,
        "queue": row.queue,
        "from": row.from_at,
        "to": row.to_at,
        "result": row.result,
    }
