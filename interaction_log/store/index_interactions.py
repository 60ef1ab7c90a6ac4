"""Interactions in the full-text index, made of the log's projections. Never in the log's own transactions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store.index import Doc
from interaction_log.store.schema import interactions, legs, queue_visits, users
from interaction_log.store.statements import Among

KIND: Final = "interaction"
_i = interactions.c
_NAMES: Final = (
    "id", "customer_id", "sorted_at", "channel", "queue", "disposition", "notes", "customer_address", "public",
)  # fmt: skip
_DONE: Final = Among(sa.select(*(_i[name] for name in _NAMES)).where(_i.ended.is_(sa.true())), _i.id)
_WHO: Final = Among(
    sa.select(legs.c.interaction_id, legs.c.n, legs.c.agent, legs.c.device).where(
        legs.c.kind == sa.literal_column("'segment'")
    ),
    legs.c.interaction_id,
)
_WHERE: Final = Among(sa.select(queue_visits.c.interaction_id, queue_visits.c.queue), queue_visits.c.interaction_id)


def docs(connection: sa.Connection, ids: Sequence[str]) -> list[Doc]:
    """Those of them that have ended: an open one is put in when it ends."""
    rows = _DONE(connection, list(ids))
    here = [row.id for row in rows]
    had, been = defaultdict(list), defaultdict(list)
    for row in sorted(_WHO(connection, here), key=lambda one: one.n):
        had[row.interaction_id].append(row.agent or row.device)
    for row in _WHERE(connection, here):
        been[row.interaction_id].append(row.queue)
    names = _names(connection, {one for some in had.values() for one in some})
    return [_doc(row, had[row.id], been[row.id], names) for row in rows]


def _names(connection: sa.Connection, agents: Iterable[str]) -> dict[str, str]:
    query = sa.select(users.c.name, users.c.display_name).where(users.c.name.in_(list(agents)))
    return {row.name: row.display_name for row in connection.execute(query)}


def _doc(row: Any, agents: list[str], queues: list[str], names: dict[str, str]) -> Doc:
    called = json.loads(row.public).get("customer_name")
    who = list(dict.fromkeys(agents))
    told = [names.get(one, one) for one in who]
    visited = sorted({*queues, *filter(None, [row.queue])})
    lines = [row.notes, called, row.disposition, " · ".join(visited), " · ".join(told)]
    return Doc(
        KIND,
        row.id,
        row.customer_id,
        row.sorted_at,
        row.customer_address or "",
        "\n".join(filter(None, lines)),
        queue=row.queue,
        agent=who[-1] if who else None,
        channel=row.channel,
        more=(*(f"queue:{q}" for q in visited if q != row.queue), *(f"agent:{a}" for a in who[:-1])),
    )
