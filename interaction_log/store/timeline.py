"""A customer's history: one line for each interaction, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from interaction_log.store.links import members
from interaction_log.store.recordings import recordings
from interaction_log.store.schema import interactions, legs
from interaction_log.store.sealed_fields import open_text

# Built once: making a statement anew costs more than SQLite takes to answer it, and a pop waits for this one.
_AGENT = (
    sa.select(sa.func.coalesce(legs.c.agent, legs.c.device))
    .where(legs.c.interaction_id == interactions.c.id, legs.c.kind == "segment")
    .order_by(legs.c.n.desc())
    .limit(1)
    .correlate(interactions)
    .scalar_subquery()
    .label("agent")
)
_RECORDED = (
    sa.exists()
    .where(recordings.c.interaction_id == interactions.c.id, recordings.c.deleted_at.is_(None))
    .correlate(interactions)
    .label("recorded")
)
_LINE = (
    "interaction_id", "at", "channel", "direction", "queue", "outcome", "talk_seconds", "disposition", "notes", "agent",
    "recorded",
)  # fmt: skip
_COLUMNS = [
    interactions.c[name]
    for name in ("id", "sorted_at", "channel", "direction", "queue", "outcome", "talk_seconds", "disposition", "notes")
]
NEWEST = (
    sa.select(*_COLUMNS, _AGENT, _RECORDED)
    .where(interactions.c.customer_id == sa.bindparam("customer"))
    .order_by(interactions.c.sorted_at.desc(), interactions.c.id)
    .limit(sa.bindparam("most"))
)
_OLDER = NEWEST.where(interactions.c.sorted_at < sa.bindparam("before"))


def timeline(connection: sa.Connection, customer_id: str, limit: int, before: float | None) -> list[dict[str, Any]]:
    """``agent_console.wire.TimelineItem``s of this person (merged records too) that began before ``before`` (Unix
    seconds), ``limit`` at most.

    ``agent``: who had the customer last, the user, else the device. ``recorded``: there is a recording of it still.
    """
    query = NEWEST if before is None else _OLDER
    found: list[dict[str, Any]] = []
    for of in members(connection, customer_id):  # each by the index: together they would be sorted whole
        rows = connection.execute(query, {"customer": of, "most": limit, "before": before})
        found += [line(row) for row in rows]
    return sorted(found, key=newest_first)[:limit]


def newest_first(one: Mapping[str, Any]) -> tuple[float, str]:
    """A key to sort lines by."""
    return -one["at"], one["interaction_id"]


def line(row: Sequence[Any]) -> dict[str, Any]:
    """One ``TimelineItem`` of a row of ``NEWEST``."""
    found = dict(zip(_LINE, row, strict=True))
    found["recorded"] = bool(found["recorded"])  # SQLite says 1
    found["notes"] = open_text(found["notes"])  # a row of the driver's own
    return found
