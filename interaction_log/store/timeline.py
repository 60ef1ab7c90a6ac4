"""A customer's history: one line for each interaction, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from interaction_log.store.schema import interactions, legs

_COLUMNS = [
    interactions.c[name]
    for name in ("id", "sorted_at", "channel", "direction", "queue", "outcome", "talk_seconds", "disposition", "notes")
]


def timeline(connection: sa.Connection, customer_id: str, limit: int, before: float | None) -> list[dict[str, Any]]:
    """``agent_console.wire.TimelineItem``s that began before ``before`` (Unix seconds), ``limit`` at most."""
    query = sa.select(*_COLUMNS).where(interactions.c.customer_id == customer_id)
    if before is not None:
        query = query.where(interactions.c.sorted_at < before)
    rows = connection.execute(query.order_by(interactions.c.sorted_at.desc(), interactions.c.id).limit(limit)).all()
    agents = _agents(connection, [row.id for row in rows])
    return [
        {
            "interaction_id": row.id,
            "at": row.sorted_at,
            "channel": row.channel,
            "direction": row.direction,
            "queue": row.queue,
            "agent": agents.get(row.id),
            "outcome": row.outcome,
            "talk_seconds": row.talk_seconds,
            "disposition": row.disposition,
            "notes": row.notes,
        }
        for row in rows
    ]


def _agents(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    """Who had the customer last, by interaction: the user, else the device."""
    if not ids:
        return {}
    query = (
        sa.select(legs.c.interaction_id, sa.func.coalesce(legs.c.agent, legs.c.device))
        .where(legs.c.interaction_id.in_(ids), legs.c.kind == "segment")
        .order_by(legs.c.n)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
