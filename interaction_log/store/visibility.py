"""``rights.Sight`` as a condition on the log's rows."""

from __future__ import annotations

import sqlalchemy as sa

from interaction_log.rights import Sight
from interaction_log.store.schema import interactions, legs, queue_visits


def in_sight(sight: Sight, interaction_id: sa.ColumnElement[str] = interactions.c.id) -> sa.ColumnElement[bool]:
    """Whether an interaction is in sight: an agent of it rang or talked, or it was in one of its queues."""
    if sight.everything:
        return sa.true()
    found: list[sa.ColumnElement[bool]] = []
    if sight.agents:
        found.append(_has(legs, interaction_id, legs.c.agent.in_(sorted(sight.agents))))
    if sight.queues:
        found.append(_has(queue_visits, interaction_id, queue_visits.c.queue.in_(sorted(sight.queues))))
    return sa.or_(sa.false(), *found)


def _has(table: sa.Table, of: sa.ColumnElement[str], condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(table.c.interaction_id == of, condition)
