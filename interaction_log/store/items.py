"""What stands in a customer's timeline beside interactions: cases, tasks, notes, surveys, consents, merges …"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from interaction_log.store.search_tables import timeline_items

_t = timeline_items.c


@dataclass(frozen=True, slots=True)
class Item:
    """One entry. ``kind`` and ``ref`` together are unique; ``at``: Unix seconds; ``actor``: a user's name.

    ``title`` is shown in the line, ``text`` when it is opened; ``public``: what a screen wants beside them, as JSON.
    """

    kind: str
    ref: str
    customer_id: str
    at: float
    title: str
    text: str = ""
    actor: str | None = None
    public: dict[str, Any] = field(default_factory=dict)


def put(connection: sa.Connection, item: Item) -> None:
    """Put it there, or replace what is there of this kind and ref. In the caller's transaction."""
    values = {
        "customer_id": item.customer_id,
        "at": item.at,
        "title": item.title,
        "text": item.text,
        "actor": item.actor,
        "public": json.dumps(item.public),
    }
    here = sa.update(timeline_items).where(_t.kind == item.kind, _t.ref == item.ref)
    if connection.execute(here.values(values)).rowcount == 0:
        connection.execute(sa.insert(timeline_items).values(kind=item.kind, ref=item.ref, **values))


def drop(connection: sa.Connection, kind: str, ref: str) -> None:
    """Take it away; nothing happens where there is none."""
    connection.execute(sa.delete(timeline_items).where(_t.kind == kind, _t.ref == ref))
